use std::{fs, str::FromStr, sync::Arc};

use super::path::{Ambiguous, Path, folded, is_plain, unmistakable};
use crate::policy::{InvalidName, PermissionName};

/// So many rules are looked through for a request.
const MOST: usize = 1000;
/// The longest method that HTTP has registered is half as long.
const LONGEST_METHOD: usize = 32;

const STAR: &str = "* is a whole segment; ** is one, too, and the last";

/// What a request must bring along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needs {
    /// A token that carries it.
    Permission(PermissionName),
    /// A token, whatever it carries.
    SignedIn,
    /// Nothing helps.
    Nobody,
}

/// Which requests need what: the first rule that fits says it, and where none does, nobody passes.
#[derive(Clone, Debug, Default)]
pub struct Rules(Arc<[Rule]>);

/// Rules, and the file that they stand in.
#[derive(Clone, Debug)]
pub struct RulesFile {
    /// Where it is.
    pub path: String,
    /// What it says.
    pub rules: Rules,
}

/// A file of rules that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRule {
    /// There are too many of them.
    #[error("there are more than {MOST} rules")]
    TooMany,
    /// One is wrong.
    #[error("line {line}: {why}")]
    Line {
        /// In which line it stands.
        line: usize,
        /// What is wrong.
        why: String,
    },
}

#[derive(Debug)]
struct Rule {
    /// None: any.
    methods: Option<Vec<String>>,
    pattern: Vec<Piece>,
    /// It fits whatever is below, too.
    below: bool,
    needs: Needs,
}

#[derive(Debug)]
enum Piece {
    Any,
    Exactly { text: String, folded: String },
}

impl Rules {
    /// What a request needs.
    ///
    /// # Errors
    /// When two ways to read it need different things, or when it isn't a request that a service could be sure of.
    pub fn needs(&self, method: &str, target: &str) -> Result<&Needs, Ambiguous> {
        if !is_method(method) {
            return Err(Ambiguous("its method is not in upper-case letters"));
        }
        let path = Path::read(target)?;
        let needs = |path: &[String], is| {
            let rule = self.0.iter().find(|rule| rule.takes(method) && rule.fits(path, is));
            rule.map_or(&Needs::Nobody, |rule| &rule.needs)
        };
        let decoded = needs(&path.decoded, Piece::is);
        if needs(&path.sent, Piece::is) != decoded || needs(&path.folded, Piece::looks_like) != decoded {
            return Err(Ambiguous("another spelling of its path needs something else"));
        }
        Ok(decoded)
    }
}

impl Rule {
    fn takes(&self, method: &str) -> bool {
        let same = |own: &String| own == method || (own == "GET" && method == "HEAD");
        self.methods.as_ref().is_none_or(|methods| methods.iter().any(same))
    }

    fn fits(&self, path: &[String], is: fn(&Piece, &str) -> bool) -> bool {
        let long_enough = if self.below { path.len() >= self.pattern.len() } else { path.len() == self.pattern.len() };
        long_enough && self.pattern.iter().zip(path).all(|(piece, segment)| is(piece, segment))
    }
}

impl Piece {
    fn is(&self, segment: &str) -> bool {
        matches!(self, Self::Any) || matches!(self, Self::Exactly { text, .. } if text == segment)
    }

    fn looks_like(&self, segment: &str) -> bool {
        matches!(self, Self::Any) || matches!(self, Self::Exactly { folded, .. } if folded == segment)
    }
}

fn is_method(text: &str) -> bool {
    (1..=LONGEST_METHOD).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
}

/// One rule a line: methods, path, what is needed. Empty lines, and what follows a `#`, are for people.
impl FromStr for Rules {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let mut rules = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let rule = line.split('#').next().unwrap_or_default();
            if !rule.trim().is_empty() {
                rules.push(rule.parse().map_err(|why| InvalidRule::Line { line: number + 1, why })?);
            }
        }
        if rules.len() > MOST { Err(InvalidRule::TooMany) } else { Ok(Self(rules.into())) }
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [methods, path, needs] = words[..] else {
            return Err("must be methods, path and permission, like: GET,POST /articles/** articles:read".into());
        };
        let (pattern, below) = pattern(path).map_err(|why| format!("{path}: {why}"))?;
        let needs = needs.parse().map_err(|why: InvalidName| format!("{needs}: {why}; or signed-in, or nobody"))?;
        Ok(Self { methods: parse_methods(methods)?, pattern, below, needs })
    }
}

fn parse_methods(text: &str) -> Result<Option<Vec<String>>, String> {
    if text == "*" {
        return Ok(None);
    }
    let method = |word: &str| is_method(word).then(|| word.to_owned());
    let methods: Option<Vec<_>> = text.split(',').map(method).collect();
    let why = || format!("{text}: methods are in upper-case letters, with commas between them; or * for any");
    methods.map(Some).ok_or_else(why)
}

/// The segments, and whether what is below them fits, too.
fn pattern(path: &str) -> Result<(Vec<Piece>, bool), String> {
    let path = path.strip_prefix('/').ok_or("a path begins with /")?;
    let (path, below) = match path.strip_suffix("**") {
        None if path.is_empty() => return Ok((Vec::new(), false)),
        Some("") => return Ok((Vec::new(), true)),
        None => (path, false),
        Some(above) => (above.strip_suffix('/').ok_or(STAR)?, true),
    };
    path.split('/').map(piece).collect::<Result<_, _>>().map(|pieces| (pieces, below))
}

fn piece(segment: &str) -> Result<Piece, String> {
    match segment {
        "*" => return Ok(Piece::Any),
        "" => {
            return Err(
                "no slash stands at the end or beside another; with or without one at the end is the same".into()
            );
        }
        _ if segment.contains('*') => return Err(STAR.into()),
        _ => {}
    }
    if !segment.bytes().all(is_plain) {
        return Err(
            "no rule fits more than letters, digits and -._~!$&'()+,=:@ literally; put * for a segment of others"
                .into(),
        );
    }
    unmistakable(segment).map_err(|why| why.to_string())?;
    Ok(Piece::Exactly { text: segment.to_owned(), folded: folded(segment) })
}

impl FromStr for Needs {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        match text {
            "signed-in" => Ok(Self::SignedIn),
            "nobody" => Ok(Self::Nobody),
            permission => permission.parse().map(Self::Permission),
        }
    }
}

/// From its path.
impl FromStr for RulesFile {
    type Err = String;

    fn from_str(path: &str) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
        let rules = text.parse().map_err(|error| format!("{path}, {error}"))?;
        Ok(Self { path: path.to_owned(), rules })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULES: &str = "
        # Methods    Path                      Needs
        GET          /                         signed-in
        GET,OPTIONS  /articles/drafts/**       articles:review   # whatever follows
        *            /articles/drafts/**       nobody
        GET          /articles/**              articles:read
        PUT,PATCH    /articles/*               articles:update
        *            /Admin/articles:purge     articles:purge
        *            /users/*/articles/**      users:read
    ";

    fn needs(method: &str, target: &str) -> Result<String, &'static str> {
        let rules: Rules = RULES.parse().unwrap();
        rules.needs(method, target).map_err(|Ambiguous(why)| why).map(|needs| match needs {
            Needs::Permission(name) => name.to_string(),
            Needs::SignedIn => "signed-in".into(),
            Needs::Nobody => "nobody".into(),
        })
    }

    #[test]
    fn the_first_rule_that_fits_says_what_is_needed_and_without_one_nobody_passes() {
        for (method, target, expected) in [
            ("GET", "/", "signed-in"),
            ("GET", "/?next=/articles", "signed-in"),
            ("GET", "/articles", "articles:read"),
            ("GET", "/articles/", "articles:read"),
            ("GET", "/articles/1/comments/2", "articles:read"),
            ("GET", "/articles/drafts", "articles:review"),
            ("GET", "/articles/drafts/", "articles:review"),
            ("GET", "/articles/drafts/1", "articles:review"),
            ("OPTIONS", "/articles/drafts/1", "articles:review"),
            ("DELETE", "/articles/drafts/1", "nobody"),
            ("PUT", "/articles/1", "articles:update"),
            ("PATCH", "/articles/1?draft=no", "articles:update"),
            ("PUT", "/articles", "nobody"),
            ("PUT", "/articles/1/comments", "nobody"),
            ("DELETE", "/articles/1", "nobody"),
            ("OPTIONS", "/articles/1", "nobody"),
            ("POST", "/", "nobody"),
            ("GET", "/articlesx", "nobody"),
            ("GET", "/elsewhere", "nobody"),
            ("BREW", "/Admin/articles:purge", "articles:purge"),
            ("GET", "/users/alice/articles", "users:read"),
            ("GET", "/users/alice/articles/1/2", "users:read"),
            ("GET", "/users/alice", "nobody"),
            ("GET", "/articles/Caf%C3%A9%20au%20lait", "articles:read"),
        ] {
            assert_eq!(needs(method, target).as_deref(), Ok(expected), "{method} {target}");
        }
    }

    #[test]
    fn head_needs_what_get_needs() {
        assert_eq!(needs("HEAD", "/articles/1").as_deref(), Ok("articles:read"));
        let own: Rules = "HEAD / a:head\nGET / a:get".parse().unwrap();
        assert_eq!(own.needs("HEAD", "/"), Ok(&Needs::Permission("a:head".parse().unwrap())));
        assert_eq!(own.needs("GET", "/"), Ok(&Needs::Permission("a:get".parse().unwrap())));
    }

    #[test]
    fn a_spelling_that_another_rule_would_fit_is_refused() {
        let encoded = ["/articles/draft%73", "/articles/draft%73/1", "/articles/%64rafts", "/Admin/articles%3Apurge"];
        let otherwise =
            ["/articles/Drafts", "/articles/DRAFTS/1", "/articles/draft%C5%BF", "/articles/%EF%BD%84rafts/1"];
        let elsewhere = ["/Articles/1", "/ARTICLES", "/admin/articles:purge", "/%61rticles/1"];
        for target in [&encoded[..], &otherwise, &elsewhere].concat() {
            assert_eq!(needs("GET", target), Err("another spelling of its path needs something else"), "{target}");
        }
        assert_eq!(needs("GET", "/articles/%31").as_deref(), Ok("articles:read"), "any segment will do there");
    }

    #[test]
    fn a_method_is_in_upper_case_letters() {
        let longest = "A".repeat(LONGEST_METHOD);
        for method in ["", "get", "Get", "GET ", "GE T", "GET,PUT", "*", "GÉT", "G3T", &format!("A{longest}")] {
            assert!(needs(method, "/articles/1").is_err(), "{method:?}");
        }
        assert_eq!(needs(&longest, "/articles/1").as_deref(), Ok("nobody"));
        assert_eq!(needs("VERSION-CONTROL", "/Admin/articles:purge").as_deref(), Ok("articles:purge"));
    }

    #[test]
    fn no_rules_let_nobody_pass() {
        assert_eq!(Rules::default().needs("GET", "/"), Ok(&Needs::Nobody));
        assert_eq!("# none\n\n".parse::<Rules>().unwrap().needs("GET", "/"), Ok(&Needs::Nobody));
        let all: Rules = "* /** signed-in".parse().unwrap();
        assert_eq!((all.needs("GET", "/"), all.needs("PUT", "/a/b")), (Ok(&Needs::SignedIn), Ok(&Needs::SignedIn)));
    }

    #[test]
    fn a_bad_rule_is_named_by_its_line() {
        for (rule, why) in [
            ("GET /", "must be methods, path and permission"),
            ("GET / a:b c:d", "must be methods, path and permission"),
            ("get / a:b", "upper-case"),
            ("GET,, / a:b", "upper-case"),
            ("GET,* / a:b", "upper-case"),
            ("GET articles a:b", "begins with /"),
            ("GET http://a.example/ a:b", "begins with /"),
            ("GET /articles/ a:b", "no slash stands at the end"),
            ("GET //articles a:b", "no slash stands at the end"),
            ("GET //** a:b", "no slash stands at the end"),
            ("GET /a//** a:b", "no slash stands at the end"),
            ("GET /**/a a:b", "whole segment"),
            ("GET /a** a:b", "whole segment"),
            ("GET /*.html a:b", "whole segment"),
            ("GET /../a a:b", "ends in a dot"),
            ("GET /a%20b a:b", "put * for"),
            ("GET /a;b a:b", "put * for"),
            ("GET /a?b a:b", "put * for"),
            ("GET /café a:b", "put * for"),
            ("GET / articles", "must be resource:action"),
            ("GET / Articles:Read", "must be resource:action"),
            ("GET / anybody", "or signed-in, or nobody"),
        ] {
            let error = format!("# first\r\n{rule}\r\nGET / a:b").parse::<Rules>().unwrap_err().to_string();
            assert!(error.starts_with("line 2: ") && error.contains(why), "{rule}: {error}");
        }
        assert!("GET / a:b\n".repeat(MOST).parse::<Rules>().is_ok());
        assert!("GET / a:b\n".repeat(MOST + 1).parse::<Rules>().unwrap_err().to_string().contains("1000"));
    }

    /// A path, spelt so that some service might take it for the same.
    fn spelt(path: &str, how: &[u8]) -> String {
        let spell = |(index, letter): (usize, char)| match how[index % how.len()] % 6 {
            0 if letter != '/' => format!("%{:02x}", u32::from(letter)),
            1 if letter != '/' => format!("%{:02X}", u32::from(letter.to_ascii_uppercase())),
            2 => letter.to_uppercase().collect(),
            3 if letter == 's' => "%C5%BF".into(),
            4 if letter == 'a' => "%EF%BC%A1".into(),
            _ => letter.to_string(),
        };
        path.chars().enumerate().map(spell).collect()
    }

    proptest! {
        #[test]
        fn however_a_path_is_spelt_it_needs_the_same_or_is_refused(
            path in "(/(articles|drafts|admin|articles:purge|users|alice|[a-z]{1,3})){0,4}",
            how in prop::collection::vec(any::<u8>(), 1..40),
            slash: bool,
        ) {
            let path = if path.is_empty() { "/" } else { &path };
            let odd = spelt(path, &how) + if slash && path != "/" { "/" } else { "" };
            if let (Ok(plain), Ok(odd)) = (needs("GET", path), needs("GET", &odd)) {
                prop_assert_eq!(plain, odd);
            }
        }
    }
}
