use super::VenueError;
use super::error::clipped;
use crate::decimal::Decimal;
use crate::model::{Level, Micros, Side};
use simd_json::{Node, StaticNode};

/// A value on the tape, with the name that errors call it by. A tape holds a value's header, then what belongs to
/// it.
#[derive(Clone, Copy)]
pub(super) struct Field<'t, 'a> {
    name: &'static str,
    /// Begins with the value; empty if the field is missing.
    nodes: &'t [Node<'a>],
}

impl<'t, 'a> Field<'t, 'a> {
    /// The whole frame.
    pub(super) fn root(nodes: &'t [Node<'a>]) -> Self {
        Self { name: "frame", nodes }
    }

    /// Whether it is there and not null.
    pub(super) fn is_present(self) -> bool {
        !matches!(self.nodes.first(), None | Some(Node::Static(StaticNode::Null)))
    }

    /// Whether it is there, be it null.
    pub(super) fn exists(self) -> bool {
        !self.nodes.is_empty()
    }

    /// Itself, if it is there and not null.
    pub(super) fn present(self) -> Option<Self> {
        self.is_present().then_some(self)
    }

    /// The members of this object that have these names. Of duplicates the last one counts.
    ///
    /// Venues nearly always keep their order, so the name behind the last one found is tried first.
    pub(super) fn pick<const N: usize>(
        self,
        names: [&'static str; N],
    ) -> Result<[Field<'t, 'a>; N], VenueError> {
        let Some((Node::Object { count, .. }, members)) = self.nodes.split_first() else {
            return Err(self.wrong("an object"));
        };
        let mut fields = names.map(|name| Field { name, nodes: &[] });
        let mut rest = &members[..*count];
        let mut next = 0;
        while let [Node::String(key), value @ ..] = rest {
            let (value, behind) = split_value(value);
            let is = |at: &usize| same_name(fields[*at].name, key);
            let found = Some(next).filter(|at| *at < N && is(at)).or_else(|| (0..N).find(is));
            if let Some(at) = found {
                fields[at].nodes = value;
                next = at + 1;
            }
            rest = behind;
        }
        Ok(fields)
    }

    /// The first member of this object that has this name.
    ///
    /// Cheaper than [`Self::pick`] for what nearly always comes first, which a message's kind does.
    pub(super) fn find(self, name: &'static str) -> Result<Field<'t, 'a>, VenueError> {
        let Some((Node::Object { count, .. }, members)) = self.nodes.split_first() else {
            return Err(self.wrong("an object"));
        };
        let mut rest = &members[..*count];
        while let [Node::String(key), value @ ..] = rest {
            let (nodes, behind) = split_value(value);
            if same_name(name, key) {
                return Ok(Field { name, nodes });
            }
            rest = behind;
        }
        Ok(Field { name, nodes: &[] })
    }

    /// The elements of this array, which errors call by its name.
    pub(super) fn elements(self) -> Result<Elements<'t, 'a>, VenueError> {
        match self.nodes.split_first() {
            Some((Node::Array { count, .. }, elements)) => {
                Ok(Elements { name: self.name, rest: &elements[..*count] })
            }
            _ => Err(self.wrong("an array")),
        }
    }

    /// A string.
    pub(super) fn text(self) -> Result<&'a str, VenueError> {
        match self.nodes.first() {
            Some(Node::String(text)) => Ok(text),
            _ => Err(self.wrong("a string")),
        }
    }

    /// True or false.
    pub(super) fn boolean(self) -> Result<bool, VenueError> {
        match self.nodes.first() {
            Some(Node::Static(StaticNode::Bool(value))) => Ok(*value),
            _ => Err(self.wrong("true or false")),
        }
    }

    /// A whole number from 0 to 2^64 - 1.
    pub(super) fn unsigned(self) -> Result<u64, VenueError> {
        let number = match self.nodes.first() {
            Some(Node::Static(StaticNode::U64(number))) => Some(*number),
            Some(Node::String(text)) => text.parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| self.wrong("a whole number from 0 to 2^64 - 1"))
    }

    /// A whole number from -2^63 to 2^63 - 1.
    pub(super) fn signed(self) -> Result<i64, VenueError> {
        let number = match self.nodes.first() {
            Some(Node::Static(StaticNode::I64(number))) => Some(*number),
            Some(Node::Static(StaticNode::U64(number))) => i64::try_from(*number).ok(),
            Some(Node::String(text)) => text.parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| self.wrong("a whole number from -2^63 to 2^63 - 1"))
    }

    /// A whole number from -2^31 to 2^31 - 1.
    pub(super) fn signed_32(self) -> Result<i32, VenueError> {
        i32::try_from(self.signed()?).map_err(|_| self.wrong("a whole number from -2^31 to 2^31 - 1"))
    }

    /// A time in milliseconds since 1970.
    pub(super) fn millis(self) -> Result<Micros, VenueError> {
        self.unsigned().map(Micros::from_millis)
    }

    /// A number that is written as a string, or that stayed a text.
    pub(super) fn decimal(self) -> Result<Decimal, VenueError> {
        match self.nodes.first() {
            Some(Node::String(text)) => decimal(self.name, text),
            _ => Err(self.wrong("a number")),
        }
    }

    /// The same, if it is there and not null.
    pub(super) fn optional_decimal(self) -> Result<Option<Decimal>, VenueError> {
        self.present().map(Self::decimal).transpose()
    }

    /// The same, if it is there, not null and not an empty string.
    pub(super) fn filled_decimal(self) -> Result<Option<Decimal>, VenueError> {
        match self.nodes.first() {
            Some(Node::String("")) => Ok(None),
            _ => self.optional_decimal(),
        }
    }

    /// The word `buy` or `sell`.
    pub(super) fn side(self) -> Result<Side, VenueError> {
        match self.nodes.first() {
            Some(Node::String("buy")) => Ok(Side::Buy),
            Some(Node::String("sell")) => Ok(Side::Sell),
            _ => Err(self.wrong("buy or sell")),
        }
    }

    /// Appends the levels `["price","size"]` of this array; further elements of a level are ignored.
    pub(super) fn levels(self, levels: &mut Vec<Level>) -> Result<(), VenueError> {
        let elements = self.elements()?;
        // A level is an array and two strings.
        levels.reserve(elements.rest.len() / 3);
        for (index, element) in elements.enumerate() {
            levels.push(element.level().map_err(|error| self.at(index, error))?);
        }
        Ok(())
    }

    fn level(self) -> Result<Level, VenueError> {
        match self.nodes {
            [Node::Array { .. }, Node::String(price), Node::String(size), ..] => {
                Ok(Level { price: decimal("price", price)?, size: decimal("size", size)? })
            }
            _ => Err(Field { name: "level", ..self }.wrong("an array of price and size")),
        }
    }

    /// A change `["buy","price","size"]` of a level.
    pub(super) fn change(self) -> Result<(Side, Level), VenueError> {
        match self.nodes {
            [Node::Array { .. }, side, Node::String(price), Node::String(size), ..] => {
                let side = Field { name: "side", nodes: std::slice::from_ref(side) }.side()?;
                Ok((side, Level { price: decimal("price", price)?, size: decimal("size", size)? }))
            }
            _ => Err(Field { name: "change", ..self }.wrong("an array of side, price and size")),
        }
    }

    /// The error of this array's element `index`.
    pub(super) fn at(self, index: usize, error: VenueError) -> VenueError {
        error.at(self.name, index)
    }

    /// The error that something else stands here, or nothing.
    #[cold]
    pub(super) fn wrong(self, expected: &'static str) -> VenueError {
        let field = self.name;
        match self.nodes.first() {
            None => VenueError::Missing { field, expected },
            Some(node) => VenueError::Type { field, expected, found: shown(node) },
        }
    }
}

/// The elements of an array.
pub(super) struct Elements<'t, 'a> {
    name: &'static str,
    rest: &'t [Node<'a>],
}

impl<'t, 'a> Iterator for Elements<'t, 'a> {
    type Item = Field<'t, 'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let (nodes, rest) = split_value(self.rest);
        self.rest = rest;
        Some(Field { name: self.name, nodes })
    }
}

/// The value that `nodes` begin with, and what is behind it.
fn split_value<'t, 'a>(nodes: &'t [Node<'a>]) -> (&'t [Node<'a>], &'t [Node<'a>]) {
    let size = match nodes.first() {
        Some(Node::Object { count, .. } | Node::Array { count, .. }) => count + 1,
        _ => 1,
    };
    nodes.split_at_checked(size).unwrap_or((nodes, &[]))
}

/// Equality, without a call for names of one letter and for most that differ.
#[inline]
fn same_name(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.as_bytes().first() == b.as_bytes().first() && (a.len() == 1 || a == b)
}

fn decimal(field: &'static str, text: &str) -> Result<Decimal, VenueError> {
    Decimal::parse(text.as_bytes()).map_err(|source| VenueError::Number {
        field,
        text: clipped(text),
        source,
    })
}

fn shown(node: &Node<'_>) -> Box<str> {
    match node {
        Node::String(text) => format!("`{}`", clipped(text)).into(),
        Node::Object { .. } => "an object".into(),
        Node::Array { .. } => "an array".into(),
        Node::Static(value) => value.to_string().into(),
    }
}
