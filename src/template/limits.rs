//! What a template may not be, found before it is compiled: what would overflow the stack or never end.
//! Nothing can catch a stack that overflows, so this is looked at in the text itself.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Problems, SourceFile};

/// Blocks within blocks.
const BLOCKS_DEEP_MAX: usize = 32;
/// Brackets within brackets: `(eq (lookup …) …)`.
const BRACKETS_DEEP_MAX: usize = 8;
/// Loops within loops, partials counted as if they stood where they are called.
const LOOPS_DEEP_MAX: usize = 3;

/// Whether each of these may be compiled; if not, why.
pub(super) fn check(files: &[(&str, &SourceFile)], problems: &Problems) -> bool {
    let mut sources = BTreeMap::new();
    let mut hold = true;
    for (name, file) in files {
        match Outline::of(&file.text) {
            Ok(outline) => {
                sources.insert(*name, (*file, outline));
            }
            Err((at, why)) => {
                problems.push(Diagnostic::template(file, Some(place(&file.text, at)), why));
                hold = false;
            }
        }
    }
    if !hold {
        return false;
    }
    if let Some((file, path)) = cycle(&sources) {
        problems.push(Diagnostic::template_cycle(file, &path));
        return false;
    }
    for (name, (file, _)) in &sources {
        if loops(name, &sources) > LOOPS_DEEP_MAX {
            let why = format!("loops stand in loops more than {LOOPS_DEEP_MAX} deep, which may never end");
            problems.push(Diagnostic::template(file, Some((1, 1)), why));
            hold = false;
        }
    }
    hold
}

/// The partials that a template calls, each with the loops around the call; and its own deepest loop.
#[derive(Default)]
struct Outline {
    calls: Vec<(String, usize)>,
    loops: usize,
}

type Sources<'f> = BTreeMap<&'f str, (&'f SourceFile, Outline)>;

impl Outline {
    /// Or where something stands that is not taken, and why.
    fn of(text: &str) -> Result<Self, (usize, String)> {
        let mut outline = Self::default();
        let mut open: Vec<String> = Vec::new();
        for (at, tag) in tags(text) {
            let wrong = |why: &str| Err((at, why.to_string()));
            let brackets = tag.chars().scan(0_i64, |deep, c| {
                *deep += i64::from(c == '(') - i64::from(c == ')');
                Some(*deep)
            });
            if brackets.max().unwrap_or(0) > BRACKETS_DEEP_MAX as i64 {
                return wrong("brackets stand in brackets too deep");
            }
            let loops = |open: &Vec<String>| open.iter().filter(|name| *name == "each").count();
            if tag.starts_with("#*") || tag.starts_with('*') {
                return wrong("a partial cannot be written inside another file; give it a file of its own");
            }
            if let Some(call) = tag.strip_prefix("#>").or_else(|| tag.strip_prefix('>')) {
                let called = word(call);
                if called.starts_with('(') {
                    return wrong("which partial is called must be written out");
                }
                if !called.starts_with('@') {
                    outline.calls.push((called.clone(), loops(&open)));
                }
                if tag.starts_with('#') {
                    open.push(called);
                }
            } else if let Some(block) = tag.strip_prefix('#').or_else(|| tag.strip_prefix('^')) {
                if !word(block).is_empty() {
                    open.push(word(block));
                    outline.loops = outline.loops.max(loops(&open));
                }
            } else if tag.starts_with('/') {
                open.pop();
            }
            if open.len() > BLOCKS_DEEP_MAX {
                return wrong("blocks stand in blocks too deep");
            }
        }
        Ok(outline)
    }
}

/// The partials that a template calls by name.
pub(super) fn calls(text: &str) -> Vec<String> {
    let called = tags(text).filter_map(|(_, tag)| tag.strip_prefix("#>").or_else(|| tag.strip_prefix('>')));
    called.map(word).collect()
}

/// What stands between braces, comments left out, with where.
fn tags(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let at = from + text[from..].find("{{")?;
            let inside = &text[at + 2..];
            if let Some(comment) = inside.trim_start_matches('~').strip_prefix('!') {
                let end = if comment.starts_with("--") { "--" } else { "}}" };
                let skipped =
                    comment.get(2..).and_then(|rest| rest.find(end)).map_or(comment.len(), |end| end + 2);
                from = text.len() - comment.len() + skipped;
                continue;
            }
            let end = inside.find("}}").unwrap_or(inside.len());
            from = at + 2 + end;
            return Some((at, inside[..end].trim_matches(['{', '~', ' ', '\n', '\t', '&'])));
        }
    })
}

fn word(text: &str) -> String {
    let word: String = text.trim_start().chars().take_while(|c| !c.is_whitespace() && *c != '~').collect();
    word.trim_matches(['"', '\'']).to_string()
}

fn place(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at];
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

fn cycle<'f>(sources: &Sources<'f>) -> Option<(&'f SourceFile, Vec<String>)> {
    let mut closed = Vec::new();
    for (name, (file, _)) in sources {
        let mut path = vec![(*name).to_string()];
        if leads_back(name, sources, &mut path, &mut closed) {
            return Some((file, path));
        }
    }
    None
}

fn leads_back(name: &str, sources: &Sources<'_>, path: &mut Vec<String>, closed: &mut Vec<String>) -> bool {
    for (next, _) in sources.get(name).into_iter().flat_map(|(_, outline)| &outline.calls) {
        if path.contains(next) {
            path.push(next.clone());
            return true;
        }
        if !closed.contains(next) {
            path.push(next.clone());
            if leads_back(next, sources, path, closed) {
                return true;
            }
            path.pop();
        }
    }
    closed.push(name.to_string());
    false
}

/// The deepest loops of a template, those of its partials included. There is no cycle.
fn loops(name: &str, sources: &Sources<'_>) -> usize {
    let Some((_, outline)) = sources.get(name) else { return 0 };
    let called = outline.calls.iter().map(|(called, around)| around + loops(called, sources));
    called.chain([outline.loops]).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(files: &[(&str, &str)]) -> Vec<String> {
        let problems = Problems::default();
        let files: Vec<(&str, SourceFile)> = files
            .iter()
            .map(|(name, text)| {
                (*name, SourceFile { path: format!("templates/{name}.hbs"), text: (*text).into() })
            })
            .collect();
        let listed: Vec<(&str, &SourceFile)> = files.iter().map(|(name, file)| (*name, file)).collect();
        let hold = check(&listed, &problems);
        let said: Vec<String> = problems.into_vec().iter().map(ToString::to_string).collect();
        assert_eq!(hold, said.is_empty());
        said
    }

    #[test]
    fn ordinary_templates_hold() {
        let inner = "{{!-- {{#each}} in a comment --}}{{#each tags}}{{name}}{{/each}}";
        let outer = "{{#each articles}}{{> parts/inner}}{{else}}x{{/each}}{{#if (eq (lookup a b) 1)}}{{/if}}";
        assert_eq!(said(&[("parts/inner", inner), ("outer", outer)]), [""; 0]);
    }

    #[test]
    fn what_would_never_end_is_refused_with_its_place() {
        let deep = format!("x\n{}{}", "{{#if a}}".repeat(1000), "{{/if}}".repeat(1000));
        let brackets = format!("{{{{x {}{}}}}}", "(a ".repeat(100), ")".repeat(100));
        let each = "{{#each a}}";
        for (files, wanted) in [
            (vec![("a", "{{> b}}"), ("b", "{{> c}}"), ("c", "{{> a}}")], "include each other"),
            (vec![("a", "{{> a}}")], "include each other"),
            (vec![("a", deep.as_str())], "templates/a.hbs:2:"),
            (vec![("a", brackets.as_str())], "brackets stand in brackets"),
            (vec![("a", "{{> (lookup . 'x')}}")], "must be written out"),
            (vec![("a", "{{#*inline 'x'}}{{> x}}{{/inline}}")], "a file of its own"),
            (vec![("a", &each.repeat(4))], "loops stand in loops"),
            (vec![("a", "{{#each a}}{{#each b}}{{> b}}"), ("b", &each.repeat(2))], "loops stand in loops"),
        ] {
            let said = said(&files);
            assert!(said.iter().any(|said| said.contains(wanted)), "{files:?}: {said:?}");
        }
    }
}
