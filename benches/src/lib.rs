//! One benchmark per question.
