use std::sync::Arc;

use super::path::{Ambiguous, Path};
use crate::policy::PermissionName;

/// The longest method that HTTP has registered is half as long.
const LONGEST_METHOD: usize = 32;

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
pub struct Rules(pub(super) Arc<[Rule]>);

#[derive(Debug)]
pub(super) struct Rule {
    /// None: any.
    pub(super) methods: Option<Vec<String>>,
    pub(super) pattern: Vec<Piece>,
    /// It fits whatever is below, too.
    pub(super) below: bool,
    pub(super) needs: Needs,
}

#[derive(Debug)]
pub(super) enum Piece {
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

pub(super) fn is_method(text: &str) -> bool {
    (1..=LONGEST_METHOD).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
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
