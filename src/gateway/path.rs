use percent_encoding::percent_decode_str;
use unicode_normalization::UnicodeNormalization;

/// A request that two services could take for different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Ambiguous(pub(super) &'static str);

impl Ambiguous {
    /// A URL is ASCII.
    pub const NOT_ASCII: Self = Self("something in it is not ASCII");
}

/// A longer one, query included, is refused unread.
const LONGEST: usize = 8192;
/// What may stand in a path besides letters, digits and percent signs (RFC 3986 §3.3), but for `;`: some services cut a
/// segment off there.
const MARKS: &[u8] = b"-._~!$&'()*+,=:@";
/// What parts a URL, and mustn't be smuggled into a segment by encoding it. A percent sign is left over where one is
/// encoded itself, or begins nothing.
const PARTS: [char; 6] = ['/', '\\', '%', '?', '#', ';'];

/// A request's path in the ways in which services read one: as it was sent, decoded, and without regard to case and to
/// what Unicode counts as the same letter (full-width ones, say).
///
/// By segments; a slash at the end makes no difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) sent: Vec<String>,
    pub(super) decoded: Vec<String>,
    pub(super) folded: Vec<String>,
}

impl Path {
    /// Reads the target of a request in origin form (RFC 9112 §3.2.1); its query makes no difference.
    ///
    /// # Errors
    /// When it isn't one, or when it has no one meaning.
    pub(super) fn read(target: &str) -> Result<Self, Ambiguous> {
        if target.len() > LONGEST {
            return Err(Ambiguous("it is too long"));
        }
        let (path, _query) = target.split_once('?').unwrap_or((target, ""));
        let path = path.strip_prefix('/').ok_or(Ambiguous("it must begin with a slash"))?;
        if target.contains('#') || !path.bytes().all(|byte| is_plain(byte) || byte == b'/' || byte == b'%') {
            return Err(Ambiguous("a character in it must not stand in a path, or is a semicolon"));
        }
        let mut sent: Vec<&str> = path.split('/').collect();
        sent.pop_if(|last| last.is_empty());
        let mut read = Self { sent: Vec::new(), decoded: Vec::new(), folded: Vec::new() };
        for segment in sent {
            let decoded = percent_decode_str(segment).decode_utf8();
            let decoded = decoded.map_err(|_| Ambiguous("what is encoded in it is not UTF-8"))?;
            let folded = folded(&decoded);
            unmistakable(&decoded)?;
            unmistakable(&folded)?;
            read.sent.push(segment.to_owned());
            read.decoded.push(decoded.into_owned());
            read.folded.push(folded);
        }
        Ok(read)
    }
}

/// Whether it may stand in a segment as it is.
pub(super) fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || MARKS.contains(&byte)
}

/// Upper case first: some letters have one only there (`ſ` is an `S`).
pub(super) fn folded(segment: &str) -> String {
    segment.nfkc().collect::<String>().to_uppercase().to_lowercase()
}

/// Refuses a segment that may be read as something else: `..`, what some file systems drop, what parts a URL.
pub(super) fn unmistakable(segment: &str) -> Result<(), Ambiguous> {
    if segment.is_empty() {
        return Err(Ambiguous("two slashes follow each other"));
    }
    if segment.ends_with('.') || segment.trim() != segment {
        return Err(Ambiguous("a segment ends in a dot, or begins or ends in a space"));
    }
    if segment.chars().any(is_invisible) {
        return Err(Ambiguous("something is encoded in it that isn't seen"));
    }
    if segment.contains(":$") {
        return Err(Ambiguous("a segment names a stream of a file, as some file systems have it"));
    }
    if segment.contains(PARTS) || segment.chars().any(char::is_control) {
        return Err(Ambiguous("something is encoded in it that parts a URL, or a control character"));
    }
    Ok(())
}

/// What is usually not shown, and what some services drop: Unicode's `Default_Ignorable_Code_Point`.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_in_three_ways() {
        let path = Path::read("/articles/Caf%C3%A9%20au%20lait/?page=2&q=../;").unwrap();
        assert_eq!(path.sent, ["articles", "Caf%C3%A9%20au%20lait"]);
        assert_eq!(path.decoded, ["articles", "Café au lait"]);
        assert_eq!(path.folded, ["articles", "café au lait"]);
        assert_eq!(Path::read("/").unwrap().sent, Vec::<String>::new());
        assert_eq!(Path::read("/?a#").unwrap_err(), Path::read("/a b").unwrap_err());
    }

    #[test]
    fn what_looks_like_an_ascii_letter_folds_to_it() {
        for (odd, plain) in
            [("SECRET", "secret"), ("%C5%BFecret", "secret"), ("%EF%BD%93ecret", "secret"), ("%E2%84%AA", "k")]
        {
            assert_eq!(Path::read(&format!("/{odd}")).unwrap().folded, [plain]);
        }
    }

    #[test]
    fn what_has_no_one_meaning_is_refused() {
        let odd = [
            "",
            "articles",
            "*",
            "http://elsewhere.example/articles",
            "//",
            "//articles",
            "/articles//1",
            "/articles//",
            "/.",
            "/..",
            "/articles/../admin",
            "/articles/%2e%2e/admin",
            "/articles/.%2E/admin",
            "/articles/...",
            "/secret.",
            "/secret%20",
            "/%20secret",
            "/secret%C2%A0",
            "/a%2Fb",
            "/a%2fb",
            "/a\\b",
            "/a%5Cb",
            "/a%252Fb",
            "/a%25",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a;b",
            "/a;jsessionid=1",
            "/..;/admin",
            "/a%3Bb",
            "/a%3Fb",
            "/a%23b",
            "/a#b",
            "/a?b#c",
            "/a%00b",
            "/a%0a",
            "/a%7F",
            "/a%ff",
            "/a%C0%AF",
            "/a b",
            "/a\tb",
            "/ä",
            "/a\"b",
            "/a<b>",
            "/a|b",
            "/a^b",
            "/a`b",
            "/{a}",
            "/[a]",
            "/%EF%BC%8F",
            "/%EF%BC%8E%EF%BC%8E",
            "/%E2%80%A5/admin",
            "/%E2%84%80",
            "/secret%E2%80%8B",
            "/sec%C2%ADret",
            "/%EF%BB%BFsecret",
            "/secret%EF%B8%8F",
            "/secret::$DATA",
            "/secret:%24DATA",
        ];
        for target in odd {
            assert!(Path::read(target).is_err(), "{target}");
        }
        assert!(Path::read(&format!("/{}", "a".repeat(LONGEST - 1))).is_ok());
        assert!(Path::read(&format!("/a?{}", "a".repeat(LONGEST))).is_err());
    }
}
