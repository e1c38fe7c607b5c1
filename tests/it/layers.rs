//! Checks of the source itself: which module may name which, how files begin, how long they are.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The modules of `src/`, lowest first. A module may name only modules on lines above its own.
const LAYERS: [&[&str]; 12] = [
    &["diagnostic", "language", "text"],
    &["article", "dkim", "subscriber"],
    &["feed", "newsletter"],
    &["delivery"],
    &["config", "durable", "template"],
    &["doctor", "mailer", "message", "outbound", "sink", "site", "store"],
    &["newsroom"],
    &["alert", "compose", "deliver", "ping", "publish", "subscribe"],
    &["clock", "watch", "web"],
    &["daemon"],
    &["cli"],
    &["main"],
];

/// Rows up to this one are nouns: they wait for nothing, and write nothing.
const NOUNS: usize = 4;

/// Lines of code in a file, tests apart.
const FILE_LINES_MAX: usize = 560;

#[test]
fn a_module_names_only_modules_of_lower_layers() {
    let problems: Vec<String> =
        sources().iter().flat_map(|file| wrong_arrows(&module_of(file), file)).collect();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn a_wrong_arrow_is_shown_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("article.rs");
    fs::write(&file, "//! x\nuse crate::{language::Language, store::Store};\nfn f() { crate::text::fold(\"\"); crate::feed::rss(); }\n").unwrap();
    let problems = wrong_arrows("article", &file);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems[0]
            .ends_with("article.rs:2: `article` may not name `store`; move what both need to a lower row"),
        "{problems:?}"
    );
    assert!(problems[1].contains("article.rs:3") && problems[1].contains("`feed`"), "{problems:?}");
}

#[test]
fn every_module_has_a_layer() {
    let modules: Vec<String> =
        sources().iter().map(|file| module_of(file)).filter(|module| module != "lib").collect();
    let unknown: Vec<&String> = modules.iter().filter(|module| layer_of(module).is_none()).collect();
    assert!(unknown.is_empty(), "give these a row in tests/it/layers.rs: {unknown:?}");
}

#[test]
fn nouns_know_no_clock_socket_database_or_file_to_write() {
    const FORBIDDEN: [&str; 7] =
        ["tokio::", "rusqlite", "std::net", "Utc::now", "fs::write", "File::create", "SystemTime::now"];
    let mut problems = Vec::new();
    for file in sources() {
        if layer_of(&module_of(&file)).is_some_and(|layer| layer < NOUNS) {
            for (number, line) in code_lines(&file) {
                for word in FORBIDDEN.iter().filter(|word| line.contains(**word)) {
                    problems.push(format!("{}:{number}: a noun may not know `{word}`", file.display()));
                }
            }
        }
    }
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let problems: Vec<String> = sources()
        .into_iter()
        .filter(|file| !fs::read_to_string(file).unwrap().starts_with("//!"))
        .map(|file| format!("{}:1: open with `//!` and one line on what the file is for", file.display()))
        .collect();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn no_file_outgrows_a_reading() {
    let problems: Vec<String> = sources()
        .into_iter()
        .map(|file| (code_lines(&file).len(), file))
        .filter(|(lines, _)| *lines > FILE_LINES_MAX)
        .map(|(lines, file)| {
            format!("{}: {lines} lines of code; {FILE_LINES_MAX} at the most", file.display())
        })
        .collect();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// `crate::a`, and the first names inside `crate::{a::…, b}`, however the braces are broken over lines.
fn wrong_arrows(module: &str, file: &Path) -> Vec<String> {
    let Some(layer) = layer_of(module) else { return Vec::new() };
    let mut problems = Vec::new();
    let mut depth = None;
    for (number, line) in code_lines(file) {
        for used in names(&line, &mut depth) {
            if used != module && layer_of(&used).is_some_and(|used| used >= layer) {
                problems.push(format!(
                    "{}:{number}: `{module}` may not name `{used}`; move what both need to a lower row",
                    file.display()
                ));
            }
        }
    }
    problems
}

/// The top-level modules that a line names; `depth` is how deep in the braces of `crate::{` it begins.
fn names(line: &str, depth: &mut Option<usize>) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = line;
    loop {
        if let Some(level) = depth {
            let mut at_name = *level == 1;
            let mut end = rest.len();
            let mut name = String::new();
            for (index, character) in rest.char_indices() {
                match character {
                    '{' => *level += 1,
                    '}' => *level -= 1,
                    _ => {}
                }
                if character.is_alphanumeric() || character == '_' {
                    if at_name {
                        name.push(character);
                    }
                } else {
                    if !name.is_empty() {
                        found.push(std::mem::take(&mut name));
                        at_name = false;
                    }
                    if character == ',' || character == '{' {
                        at_name = *level == 1;
                    }
                }
                if *level == 0 {
                    end = index + 1;
                    break;
                }
            }
            found.extend((!name.is_empty()).then_some(name));
            if *level > 0 {
                return found;
            }
            *depth = None;
            rest = &rest[end..];
        }
        let Some(at) = rest.find("crate::") else { return found };
        rest = &rest[at + "crate::".len()..];
        if let Some(inside) = rest.strip_prefix('{') {
            *depth = Some(1);
            rest = inside;
        } else {
            found.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
}

fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    files.sort();
    files
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

/// The file's lines of code with their numbers: no comments, nothing from `#[cfg(test)]` on.
fn code_lines(file: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(file).unwrap();
    text.lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty() && !line.trim().starts_with("//"))
        .map(|(index, line)| (index + 1, line.to_string()))
        .collect()
}

fn module_of(file: &Path) -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let first = file.strip_prefix(source).unwrap_or(file).iter().next().unwrap().to_string_lossy();
    first.trim_end_matches(".rs").to_string()
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}
