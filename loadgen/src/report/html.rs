//! A page that needs nothing but itself: no script, no font, no other address.

use super::plot::Curve;
use std::fmt::Write as _;

const STYLE: &str = "\
:root{color-scheme:light}body{font:15px/1.45 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:78rem;\
margin:2rem auto;padding:0 1rem}h1{font-size:1.5rem;margin:0 0 .3rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}\
.under{color:#555;margin:0 0 .2rem;overflow-wrap:anywhere}table{border-collapse:collapse;font-variant-numeric:tabular-nums}\
.wide{overflow-x:auto}th,td{padding:.2rem .55rem;font-size:.87rem;text-align:right;border-bottom:1px solid #e4e4e4;white-space:nowrap}\
th{font-weight:600;background:#f6f6f6}th:first-child,td:first-child{text-align:left}figure{margin:0}\
figure svg{max-width:100%;height:auto}figcaption{font-size:.87rem;\
margin-left:4.5rem}figcaption span{white-space:nowrap;margin-right:1.2rem}i{display:inline-block;width:1.3rem;height:3px;\
vertical-align:middle;margin-right:.4rem}.faint i{height:1px}.warning,.failure{border-left:4px solid #e69f00;background:#fff8e6;\
padding:.5rem .8rem;margin:.4rem 0}.failure{border-color:#c0392b;background:#fdecea}pre{background:#f6f6f6;\
padding:.8rem;overflow-x:auto;font-size:.82rem}summary{cursor:pointer;margin-top:2rem}";

/// A page as it is put together.
#[derive(Debug)]
pub(crate) struct Html {
    text: String,
}

impl Html {
    /// With this title.
    pub(crate) fn new(title: &str) -> Self {
        let title = escaped(title);
        Self {
            text: format!(
                "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
                 <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
                 <title>{title}</title><style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n"
            ),
        }
    }

    /// A line below the title, or below a heading.
    pub(crate) fn under(&mut self, text: &str) {
        self.element("p", "under", text);
    }

    /// What a reader should know.
    pub(crate) fn warning(&mut self, text: &str) {
        self.element("p", "warning", text);
    }

    /// Why something counts as failed.
    pub(crate) fn failure(&mut self, text: &str) {
        self.element("p", "failure", text);
    }

    /// A table with a heading; the first column names the rows.
    pub(crate) fn table(&mut self, id: &str, heading: &str, columns: &[&str], rows: &[Vec<String>]) {
        self.heading(heading);
        // Writing into a string does not fail, here and below.
        let _ = write!(self.text, "<div class=\"wide\"><table id=\"{}\"><thead>", escaped(id));
        self.cells("th", columns);
        self.text += "</thead><tbody>";
        rows.iter().for_each(|row| self.cells("td", row));
        self.text += "</tbody></table></div>\n";
    }

    /// A plot with a heading, and below it the names of its curves.
    pub(crate) fn figure(&mut self, id: &str, heading: &str, svg: &str, curves: &[Curve]) {
        self.heading(heading);
        let _ = write!(self.text, "<figure id=\"{}\">{svg}<figcaption>", escaped(id));
        for curve in curves {
            let (thin, colour) = (if curve.is_faint { " class=\"faint\"" } else { "" }, curve.css());
            let name = escaped(&curve.name);
            let _ = write!(self.text, "<span{thin}><i style=\"background:{colour}\"></i>{name}</span> ");
        }
        self.text += "</figcaption></figure>\n";
    }

    /// Text as it is, folded.
    pub(crate) fn folded(&mut self, summary: &str, text: &str) {
        let (summary, text) = (escaped(summary), escaped(text));
        let _ = writeln!(self.text, "<details><summary>{summary}</summary><pre>{text}</pre></details>");
    }

    /// The whole page.
    pub(crate) fn into_text(mut self) -> String {
        self.text += "</body></html>\n";
        self.text
    }

    fn heading(&mut self, heading: &str) {
        let _ = writeln!(self.text, "<h2>{}</h2>", escaped(heading));
    }

    fn element(&mut self, name: &str, class: &str, text: &str) {
        let _ = writeln!(self.text, "<{name} class=\"{class}\">{}</{name}>", escaped(text));
    }

    fn cells<S: AsRef<str>>(&mut self, name: &str, cells: &[S]) {
        self.text += "<tr>";
        for cell in cells {
            let _ = write!(self.text, "<{name}>{}</{name}>", escaped(cell.as_ref()));
        }
        self.text += "</tr>\n";
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_line_says_is_text_and_no_markup() {
        let mut page = Html::new("<script>");
        page.under("--url \"ws://a?b&c\"");
        page.table("t", "<h>", &["<c>"], &[vec!["<v>".to_owned()]]);
        page.folded("<s>", "<pre>");
        page.figure("f", "<f>", "<svg></svg>", &[Curve { name: "<n>".into(), ..Curve::default() }]);
        let text = page.into_text();
        for markup in ["<script>", "<c>", "<v>", "<s>", "<h>", "<f>", "<n>"] {
            assert!(!text.contains(markup), "{markup}: {text}");
        }
        assert!(
            text.contains("--url &quot;ws://a?b&amp;c&quot;") && text.contains("<td>&lt;v&gt;</td>"),
            "{text}"
        );
    }
}
