//! What a template may not be, found before it is compiled: what would overflow the stack or never end.
//! Nothing can catch a stack that overflows, so this is looked at in the text itself.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Problems, SourceFile};

/// Blocks within blocks.
const BLOCKS_DEEP_MAX: usize = 32;
/// Brackets within brackets: `(eq (lookup …) …)`.
const BRACKETS_DEEP_MAX: usize = 8;
/// Blocks and calls within each other, partials counted as if they stood where they are called.
const DEEP_MAX: usize = 64;
/// `{{#> …}}` within each other, in one file: what is inside is made once for each.
const PARTIAL_BLOCKS_DEEP_MAX: usize = 2;
/// Calls of partials that one template comes to.
const CALLS_MAX: usize = 100_000;
/// How often a loop is taken to go round.
const TIMES_ROUND: usize = 20;
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
    let mut known = BTreeMap::new();
    for (name, (file, _)) in &sources {
        let Whole { loops, deep, calls } = whole(name, &sources, &mut known);
        let why = match () {
            () if loops > LOOPS_DEEP_MAX => {
                format!("loops stand in loops more than {LOOPS_DEEP_MAX} deep, which may never end")
            }
            () if deep > DEEP_MAX => {
                format!("its parts, with theirs, stand in each other more than {DEEP_MAX} deep")
            }
            () if calls > CALLS_MAX => "its parts call others so often that it may never end".to_string(),
            () => continue,
        };
        problems.push(Diagnostic::template(file, Some((1, 1)), why));
        hold = false;
    }
    hold
}

/// The partials that a template calls, with what is around each call; and its own deepest places.
#[derive(Default)]
struct Outline {
    calls: Vec<Call>,
    loops: usize,
    deep: usize,
}

struct Call {
    name: String,
    /// Loops around it.
    loops: usize,
    /// Blocks around it, loops among them.
    deep: usize,
}

type Sources<'f> = BTreeMap<&'f str, (&'f SourceFile, Outline)>;

/// The blocks that are open, each with those that `{{else if …}}` made of it: Handlebars stands them in each other.
#[derive(Default)]
struct Open(Vec<Vec<String>>);

impl Open {
    fn deep(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    fn count(&self, is_meant: impl Fn(&str) -> bool) -> usize {
        self.0.iter().flatten().filter(|name| is_meant(name)).count()
    }

    fn loops(&self) -> usize {
        self.count(|name| name == "each")
    }
}

impl Outline {
    /// Or where something stands that is not taken, and why.
    fn of(text: &str) -> Result<Self, (usize, String)> {
        let mut outline = Self::default();
        let mut open = Open::default();
        let mut partial_blocks = 0;
        for (at, tag) in tags(text) {
            let wrong = |why: &str| Err((at, why.to_string()));
            let brackets = tag.chars().scan(0_i64, |deep, c| {
                *deep += i64::from(c == '(') - i64::from(c == ')');
                Some(*deep)
            });
            if brackets.max().unwrap_or(0) > BRACKETS_DEEP_MAX as i64 {
                return wrong("brackets stand in brackets too deep");
            }
            let block = tag.strip_prefix('#').map(str::trim_start);
            if block.unwrap_or(tag).starts_with('*') {
                return wrong("a partial cannot be written inside another file; give it a file of its own");
            }
            if let Some(call) = block.unwrap_or(tag).strip_prefix('>') {
                let name = word(call);
                if name.starts_with('(') {
                    return wrong("which partial is called must be written out");
                }
                if name.starts_with('@') {
                    partial_blocks += 1;
                    if partial_blocks > 1 || open.loops() > 0 {
                        return wrong("`@partial-block` can stand in a file once, and in no loop");
                    }
                } else {
                    outline.calls.push(Call { name, loops: open.loops(), deep: open.deep() });
                }
                if block.is_some() {
                    open.0.push(vec![">".into()]);
                    if open.count(|name| name == ">") > PARTIAL_BLOCKS_DEEP_MAX {
                        return wrong("`{{#> …}}` stands in others too deep");
                    }
                }
            } else if let Some(block) = block.or_else(|| tag.strip_prefix('^')) {
                if !word(block).is_empty() {
                    open.0.push(vec![word(block)]);
                }
            } else if let Some(chained) = tag.strip_prefix("else ").map(word).filter(|name| !name.is_empty())
            {
                open.0.last_mut().into_iter().for_each(|block| block.push(chained.clone()));
            } else if tag.starts_with('/') {
                open.0.pop();
            }
            outline.loops = outline.loops.max(open.loops());
            outline.deep = outline.deep.max(open.deep());
            if open.deep() > BLOCKS_DEEP_MAX {
                return wrong("blocks stand in blocks too deep");
            }
        }
        Ok(outline)
    }
}

/// The partials that a template calls by name.
pub(super) fn calls(text: &str) -> Vec<String> {
    let block = |tag: &'_ str| tag.trim_start_matches('#').trim_start().to_string();
    tags(text).filter_map(|(_, tag)| block(tag).strip_prefix('>').map(word)).collect()
}

/// What is wrong with how blocks begin and end, with where.
pub(super) enum Unpaired {
    /// The innermost block that nothing closes: `if`, or `> mail/parts/top`.
    Open(usize, String),
    /// An end without a beginning.
    Close(usize, String),
}

/// The first such thing; nothing if all blocks are in pairs.
pub(super) fn unpaired(text: &str) -> Option<Unpaired> {
    let mut open = Vec::new();
    for (at, tag) in tags(text) {
        if let Some(block) = tag.strip_prefix('#').or_else(|| tag.strip_prefix('^')) {
            let block = block.trim_start();
            let name =
                block.strip_prefix('>').map_or_else(|| word(block), |call| format!("> {}", word(call)));
            if !name.is_empty() {
                open.push((at, name));
            }
        } else if let Some(name) = tag.strip_prefix('/')
            && open.pop().is_none()
        {
            return Some(Unpaired::Close(at, word(name)));
        }
    }
    open.pop().map(|(at, name)| Unpaired::Open(at, name))
}

/// What stands between braces, comments left out, with where.
fn tags(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let at = from + text[from..].find("{{")?;
            let inside = &text[at + 2..];
            if let Some(comment) = inside.trim_start_matches('~').strip_prefix('!') {
                // As Handlebars has it: a comment with dashes ends with dashes, any other at the first braces.
                let ends = if comment.starts_with("--") { &["--}}", "--~}}"][..] } else { &["}}"] };
                let end = ends.iter().filter_map(|end| Some(comment.find(end)? + end.len())).min();
                from = text.len() - comment.len() + end.unwrap_or(comment.len());
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
    for Call { name: next, .. } in sources.get(name).into_iter().flat_map(|(_, outline)| &outline.calls) {
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

/// A template with its partials, as if they stood where they are called.
#[derive(Clone, Copy, Default)]
struct Whole {
    loops: usize,
    deep: usize,
    /// How often partials are called; one in a loop counts often.
    calls: usize,
}

/// There is no cycle.
fn whole<'s>(name: &'s str, sources: &'s Sources<'_>, known: &mut BTreeMap<&'s str, Whole>) -> Whole {
    if let Some(known) = known.get(name) {
        return *known;
    }
    let Some((_, outline)) = sources.get(name) else { return Whole::default() };
    let mut sum = Whole { loops: outline.loops, deep: outline.deep, calls: 0 };
    for call in &outline.calls {
        let called = whole(&call.name, sources, known);
        let times = TIMES_ROUND.saturating_pow(u32::try_from(call.loops).unwrap_or(u32::MAX));
        sum.loops = sum.loops.max(call.loops + called.loops);
        sum.deep = sum.deep.max(call.deep + 1 + called.deep);
        sum.calls = sum.calls.saturating_add(times.saturating_mul(called.calls.saturating_add(1)));
    }
    known.insert(name, sum);
    sum
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
        let chain = format!("{{{{#if a}}}}{}{{{{/if}}}}", "{{else if b}}".repeat(100));
        for (files, wanted) in [
            (vec![("a", "{{> b}}"), ("b", "{{> c}}"), ("c", "{{> a}}")], "include each other"),
            (vec![("a", "{{> a}}")], "include each other"),
            (vec![("a", deep.as_str())], "templates/a.hbs:2:"),
            (vec![("a", brackets.as_str())], "brackets stand in brackets"),
            (vec![("a", "{{> (lookup . 'x')}}")], "must be written out"),
            (vec![("a", "{{#*inline 'x'}}{{> x}}{{/inline}}")], "a file of its own"),
            (
                vec![("a", "{{! سرصفحه }}{{> b}}"), ("b", "{{!a}}{{!}}{{!— x}}{{!--y--~}}{{# > a}}{{/a}}")],
                "include each other",
            ),
            (vec![("a", chain.as_str())], "blocks stand in blocks"),
            (vec![("a", "{{> @partial-block}}{{> @partial-block}}")], "`@partial-block`"),
            (vec![("a", "{{#> b}}{{#> b}}{{#> b}}"), ("b", "x")], "stands in others too deep"),
            (
                vec![("a", "{{#each a}}{{#each a}}{{#if x}}{{else each b}}{{#each c}}{{/each}}")],
                "loops stand in loops",
            ),
            (vec![("a", &each.repeat(4))], "loops stand in loops"),
            (vec![("a", "{{#each a}}{{#each b}}{{> b}}"), ("b", &each.repeat(2))], "loops stand in loops"),
        ] {
            let said = said(&files);
            assert!(said.iter().any(|said| said.contains(wanted)), "{files:?}: {said:?}");
        }
    }

    #[test]
    fn parts_that_call_each_other_without_end_in_sight_are_refused_at_once() {
        let doubled = |index: usize| format!("{{{{> p{0}}}}}{{{{> p{0}}}}}", index + 1);
        let single = |index: usize| format!("{{{{> p{}}}}}", index + 1);
        for (count, text, wanted) in [
            (40, &doubled as &dyn Fn(usize) -> String, "so often"),
            (500, &single, "in each other more than 64 deep"),
        ] {
            let files: Vec<(String, String)> =
                (0..count).map(|index| (format!("p{index}"), text(index))).collect();
            let mut files: Vec<(&str, &str)> =
                files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
            let last = format!("p{count}");
            files.push((&last, "x"));
            let said = said(&files);
            assert!(said.iter().any(|said| said.contains(wanted)), "{said:?}");
        }
    }
}
