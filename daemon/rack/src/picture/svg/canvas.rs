//! Shapes and texts as SVG. Owns escaping: whatever comes in as text leaves as text. No script, no
//! reference to anything outside the file, whole pixels only.

use super::super::put;

/// A box: left, top, width, height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) w: u32,
    pub(super) h: u32,
}

impl Area {
    pub(super) const fn new(x: u32, y: u32, w: u32, h: u32) -> Self {
        Self { x, y, w, h }
    }

    pub(super) fn right(self) -> u32 {
        self.x.saturating_add(self.w)
    }

    pub(super) fn middle(self) -> u32 {
        self.y.saturating_add(self.h / 2)
    }

    /// The same box, smaller by so much on every side.
    pub(super) fn inset(self, by: u32) -> Self {
        let twice = by.saturating_mul(2);
        Self {
            x: self.x.saturating_add(by),
            y: self.y.saturating_add(by),
            w: self.w.saturating_sub(twice),
            h: self.h.saturating_sub(twice),
        }
    }
}

/// How a text is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Type {
    pub(super) size: u32,
    /// A class of the style: its weight, colour and anchor.
    pub(super) class: &'static str,
}

impl Type {
    pub(super) const fn new(size: u32, class: &'static str) -> Self {
        Self { size, class }
    }

    /// About how wide a text is; letters are of many widths, so it is taken a little too wide.
    pub(super) fn width(self, text: &str) -> u32 {
        let count = u32::try_from(text.chars().count()).unwrap_or(u32::MAX / 1000);
        count.saturating_mul(self.size).saturating_mul(60) / 100
    }

    /// The text, cut with an ellipsis to what fits.
    pub(super) fn cut(self, text: &str, width: u32) -> String {
        if self.width(text) <= width {
            return text.to_owned();
        }
        let per_letter = self.size.saturating_mul(60).max(1);
        let fits = usize::try_from(width.saturating_mul(100) / per_letter).unwrap_or(0);
        let kept = text.chars().take(fits.saturating_sub(1));
        kept.chain((fits > 0).then_some('…')).collect()
    }

    /// The text in lines that fit; a word that fits nowhere is cut.
    pub(super) fn wrap(self, text: &str, width: u32) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            let word = self.cut(word, width);
            let joined = lines.last().map(|line| format!("{line} {word}"));
            match joined {
                Some(joined) if self.width(&joined) <= width => {
                    lines.pop();
                    lines.push(joined);
                }
                Some(_) | None => lines.push(word),
            }
        }
        lines
    }
}

/// A drawing in the making.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    body: String,
}

impl Canvas {
    fn put(&mut self, line: std::fmt::Arguments<'_>) {
        put(&mut self.body, line);
        self.body.push('\n');
    }

    /// A box with these attributes, which must be of the code and never of a file.
    pub(super) fn shape(&mut self, area: Area, radius: u32, attributes: &str) {
        let Area { x, y, w, h } = area;
        self.put(format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"{radius}\" {attributes}/>"
        ));
    }

    /// A path with these attributes, both of the code.
    pub(super) fn path(&mut self, path: &str, attributes: &str) {
        self.put(format_args!("<path d=\"{path}\" {attributes}/>"));
    }

    /// A text at its baseline.
    pub(super) fn text(&mut self, (x, y): (u32, u32), set: Type, text: &str) {
        let (size, class, text) = (set.size, set.class, escaped(text));
        self.put(format_args!(
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" class=\"{class}\">{text}</text>"
        ));
    }

    /// Texts after each other on one baseline, each in its own type.
    pub(super) fn runs(&mut self, (x, y): (u32, u32), texts: &[(Type, &str)]) {
        let runs: Vec<String> = texts
            .iter()
            .map(|(set, text)| {
                let (size, class, text) = (set.size, set.class, escaped(text));
                format!("<tspan font-size=\"{size}\" class=\"{class}\">{text}</tspan>")
            })
            .collect();
        let runs = runs.join("  ");
        self.put(format_args!("<text x=\"{x}\" y=\"{y}\">{runs}</text>"));
    }

    /// A text that runs upwards around its middle.
    pub(super) fn upright(&mut self, (x, y): (u32, u32), set: Type, text: &str) {
        let (size, class, text) = (set.size, set.class, escaped(text));
        self.put(format_args!(
            "<text transform=\"translate({x} {y}) rotate(-90)\" font-size=\"{size}\" \
             class=\"{class}\">{text}</text>"
        ));
    }

    /// What a pointer that rests on the last group is told.
    pub(super) fn open(&mut self, title: &str) {
        let title = escaped(title);
        self.put(format_args!("<g><title>{title}</title>"));
    }

    /// Ends the group.
    pub(super) fn close(&mut self) {
        self.put(format_args!("</g>"));
    }

    /// Everything drawn so far.
    pub(super) fn into_body(self) -> String {
        self.body
    }
}

/// A text that XML takes as text: its own signs written out, and no character that it forbids.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            control if control.is_control() => safe.push('\u{fffd}'),
            plain => safe.push(plain),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_end_its_element_or_its_attribute() {
        assert_eq!(
            escaped("</text><script>\"'&\u{0}\u{1b}\u{ffff}"),
            "&lt;/text&gt;&lt;script&gt;&quot;&#39;&amp;\u{fffd}\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn a_text_is_cut_to_its_width_and_wrapped_between_words() {
        let set = Type::new(10, "t");
        assert_eq!(set.cut("abcdefghij", 60), "abcdefghij");
        assert_eq!(set.cut("abcdefghijk", 60), "abcdefghi…");
        assert_eq!(set.cut("abc", 0), "");
        assert_eq!(set.wrap("one two three", 42), ["one two", "three"]);
        assert_eq!(set.wrap("", 42), Vec::<String>::new());
    }
}
