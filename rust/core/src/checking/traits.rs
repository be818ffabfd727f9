//! What a text is like, as far as it can be told without doubt from its characters.

use crate::error::Result;
use crate::pool;
use crate::texts::Texts;
use crate::tick::Tick;

/// Texts looked at in one go.
const BLOCK: usize = 1 << 14;

/// What each distinct text is like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traits {
    /// The sum of the traits below.
    pub flags: Vec<u8>,
    /// Characters.
    pub lengths: Vec<u32>,
}

impl Traits {
    /// No visible character.
    pub const BLANK: u8 = 1;
    /// Control characters other than tab and line ends.
    pub const CONTROL: u8 = 2;
    /// U+FFFD, which stands for bytes that were no text.
    pub const REPLACED: u8 = 4;
    /// UTF-8 that was read as Windows-1252.
    pub const MISREAD: u8 = 8;
    /// Tags or entities of HTML.
    pub const HTML: u8 = 16;
    /// White space or a byte order mark at an end.
    pub const UNTRIMMED: u8 = 32;
    /// One character and white space at most.
    pub const SINGLE: u8 = 64;

    /// The traits of one text. O(bytes).
    pub fn of(text: &str) -> u8 {
        let trimmed = text.trim_matches(is_edge);
        let mut flags = 0;
        let mut set = |flag, is_so: bool| flags |= if is_so { flag } else { 0 };
        let is_blank = is_blank(trimmed);
        set(Self::BLANK, is_blank);
        set(Self::UNTRIMMED, trimmed.len() != text.len());
        set(Self::HTML, has_html(text));
        if text.is_ascii() {
            set(Self::SINGLE, trimmed.len() == 1 && !is_blank);
            set(
                Self::CONTROL,
                text.bytes().any(|byte| is_control(byte.into())),
            );
        } else {
            set(Self::SINGLE, trimmed.chars().nth(1).is_none() && !is_blank);
            set(Self::CONTROL, text.chars().any(is_control));
            set(Self::REPLACED, text.contains('\u{FFFD}'));
            set(Self::MISREAD, is_misread(text));
        }
        flags
    }
}

/// The traits of all texts. O(bytes).
pub(super) fn traits(texts: &Texts, threads: usize, tick: &mut Tick<'_>) -> Result<Traits> {
    let blocks = pool::map_blocks(threads, texts.len(), BLOCK, tick, |range| {
        let ids = range.map(|id| u32::try_from(id).unwrap_or(u32::MAX));
        Ok(ids
            .map(|id| {
                let text = texts.get(id).unwrap_or_default();
                let length = text.chars().count();
                (Traits::of(text), u32::try_from(length).unwrap_or(u32::MAX))
            })
            .collect::<Vec<_>>())
    })?;
    let mut found = Traits::default();
    found.flags.reserve(texts.len());
    found.lengths.reserve(texts.len());
    for (flags, length) in blocks.into_iter().flatten() {
        found.flags.push(flags);
        found.lengths.push(length);
    }
    Ok(found)
}

fn is_edge(letter: char) -> bool {
    letter.is_whitespace() || letter == '\u{FEFF}'
}

fn is_control(letter: char) -> bool {
    letter.is_control() && !matches!(letter, '\t' | '\n' | '\r')
}

/// Whether nothing is to be seen: spaces, control characters, marks of width zero.
fn is_blank(text: &str) -> bool {
    text.chars().all(|letter| {
        is_edge(letter)
            || letter.is_control()
            || matches!(letter, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}')
    })
}

/// Names of tags that stand in text by mistake alone.
const TAGS: [&str; 16] = [
    "br", "p", "div", "span", "li", "ul", "ol", "td", "tr", "table", "strong", "em", "h1", "h2",
    "h3", "a href",
];
const ENTITIES: [&str; 8] = ["amp", "lt", "gt", "quot", "nbsp", "apos", "ndash", "mdash"];

fn has_html(text: &str) -> bool {
    let is_tag = |rest: &str| {
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        TAGS.iter().any(|tag| {
            let Some((name, rest)) = rest.as_bytes().split_at_checked(tag.len()) else {
                return false;
            };
            let is_name = name.eq_ignore_ascii_case(tag.as_bytes());
            is_name
                && match rest {
                    [b'>' | b'=', ..] | [b'/', b'>', ..] | [b' ', b'/', b'>', ..] => true,
                    // Attributes follow.
                    [b' ', rest @ ..] => rest
                        .iter()
                        .take_while(|&&byte| byte != b'<')
                        .any(|&byte| byte == b'='),
                    _ => false,
                }
        })
    };
    let is_entity = |rest: &str| {
        let Some((name, _)) = rest.split_once(';') else {
            return false;
        };
        match name.strip_prefix('#') {
            Some(number) => {
                let digits = number.strip_prefix(['x', 'X']);
                let is_digit = |letter: char| match digits {
                    Some(_) => letter.is_ascii_hexdigit(),
                    None => letter.is_ascii_digit(),
                };
                let digits = digits.unwrap_or(number);
                (1..=6).contains(&digits.len()) && digits.chars().all(is_digit)
            }
            None => ENTITIES.contains(&name),
        }
    };
    let after = |mark: u8| {
        let bytes = text.bytes().enumerate();
        bytes
            .filter(move |&(_, byte)| byte == mark)
            .map(|(at, _)| &text[at + 1..])
    };
    after(b'<').any(is_tag) || after(b'&').any(|rest| is_entity(first_bytes(rest, 12)))
}

/// The beginning of a text, at most `most` bytes.
fn first_bytes(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at));
    &text[..end.unwrap_or(0)]
}

/// Whether some characters, taken as bytes of Windows-1252, are UTF-8 that makes sense.
///
/// Sequences of three bytes and those of the letters with accents (from U+00C0) do not come about otherwise; of all others
/// there must be two.
fn is_misread(text: &str) -> bool {
    let mut weak = 0;
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        let Some(lead) = byte_of(letter) else {
            continue;
        };
        let more = match lead {
            0xC2..=0xDF => 1,
            0xE1..=0xEF => 2,
            0xF0..=0xF4 => 3,
            _ => continue,
        };
        let follow = rest
            .clone()
            .map_while(byte_of)
            .take_while(|byte| (0x80..0xC0).contains(byte));
        if follow.take(more).count() < more {
            continue;
        }
        if more > 1 || lead == 0xC3 {
            return true;
        }
        weak += 1;
        if weak > 1 {
            return true;
        }
        rest.nth(more - 1);
    }
    false
}

/// The byte that Windows-1252 has for a character beyond ASCII; the five that it leaves out as Latin-1 has them.
fn byte_of(letter: char) -> Option<u8> {
    const UPPER: [char; 32] = [
        '\u{20AC}', '\u{81}', '\u{201A}', '\u{192}', '\u{201E}', '\u{2026}', '\u{2020}',
        '\u{2021}', '\u{2C6}', '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8D}', '\u{17D}',
        '\u{8F}', '\u{90}', '\u{2018}', '\u{2019}', '\u{201C}', '\u{201D}', '\u{2022}', '\u{2013}',
        '\u{2014}', '\u{2DC}', '\u{2122}', '\u{161}', '\u{203A}', '\u{153}', '\u{9D}', '\u{17E}',
        '\u{178}',
    ];
    match u32::from(letter) {
        code @ 0x80..=0xFF => u8::try_from(code).ok(),
        0..0x80 => None,
        _ => (0x80..)
            .zip(UPPER)
            .find_map(|(byte, other)| (other == letter).then_some(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(flag: u8, text: &str) -> bool {
        Traits::of(text) & flag != 0
    }

    #[test]
    fn plain_texts_have_no_traits() {
        let plain = [
            "what is gold",
            "Tom & Jerry; x < y && z > w; a <b> and <T> and Vec<a>",
            "naïve café, São Tomé, ÅNGSTRÖM, GUÐ, «Â», Ã, 100 °C — “quoted” … €5",
            "Привет, 世界! ¿Qué? ÃO",
            "line\none\ttab\r\n.",
            "AT&T;",
            "if a<p then",
        ];
        for text in plain {
            assert_eq!(Traits::of(text), 0, "{text:?}");
        }
    }

    #[test]
    fn each_trait_is_told() {
        for text in ["", " \t\n", "\u{200B}", "\u{FEFF} ", "\0", "\u{3000}"] {
            assert!(has(Traits::BLANK, text), "{text:?}");
        }
        for text in ["a\0b", "\u{1b}[0m", "x\u{7f}", "é\u{85}"] {
            assert!(has(Traits::CONTROL, text), "{text:?}");
        }
        assert!(has(Traits::REPLACED, "caf\u{FFFD}"));
        for text in ["cafÃ©", "itâ€™s", "ÐŸÑ€Ð¸Ð²ÐµÑ‚", "20Â°C, 5Â£", "ðŸ˜€"]
        {
            assert!(has(Traits::MISREAD, text), "{text:?}");
        }
        let html = [
            "a<br>b",
            "a<BR/>",
            "<p>x",
            "x</div>",
            "<a href=\"x\">",
            "a &amp; b",
            "&#39;",
            "&#x27;",
            "<span class=x>",
            "&nbsp;",
        ];
        for text in html {
            assert!(has(Traits::HTML, text), "{text:?}");
        }
        for text in [" a", "a\n", "\u{FEFF}a", "a\u{a0}"] {
            assert!(has(Traits::UNTRIMMED, text), "{text:?}");
        }
        for text in ["a", " é ", "世"] {
            assert!(has(Traits::SINGLE, text), "{text:?}");
        }
        assert!(!has(Traits::SINGLE, "ab") && !has(Traits::SINGLE, " "));
    }
}
