//! Rules as they stand in a file.

use std::{fs, str::FromStr};

use super::{
    path::{folded, is_plain, unmistakable},
    rules::{Needs, Piece, Rule, Rules, is_method},
};
use crate::policy::InvalidName;

/// So many rules are looked through for a request.
const MOST: usize = 1000;

const STAR: &str = "* is a whole segment; ** is one, too, and the last";

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
    use super::*;

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
}
