use super::*;
use crate::extracted::TextSection;

/// The names above each section, and its first line.
fn outline(file_name: &str, text: &str) -> Vec<(String, String)> {
    let document = read(file_name, text.as_bytes()).unwrap();
    assert_eq!(document.text, text);
    let TextStructure::Definitions(sections) = document.structure else { return Vec::new() };
    assert_eq!(sections[0].from, 0);
    let first_line =
        |from: usize| text[from..].lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let shown =
        sections.iter().map(|section| (section.path.join(" > "), first_line(section.from).trim().to_owned()));
    shown.collect()
}

#[track_caller]
fn assert_outline(file_name: &str, text: &str, expected: &[(&str, &str)]) {
    let found = outline(file_name, text);
    let found: Vec<_> = found.iter().map(|(path, line)| (path.as_str(), line.as_str())).collect();
    assert_eq!(found, expected, "{file_name}");
}

#[test]
fn a_definition_is_a_section_with_what_is_said_above_it() {
    let text = "\
//! Pumps.

use std::fmt;

/// A pump.
#[derive(Debug)]
struct Pump { rate: u32 } // litres

/// How it is driven.
impl<T: Drive> fmt::Display for Pump<T> {
    const SEALED: bool = true;

    // Never fails.
    fn fmt(&self) -> fmt::Result {
        fn inner() {}
        Ok(())
    }
}

const ONE: u32 = 1;
const TABLE: [u32; 3] = [
    1,
    2,
    3,
];
mod tests;
mod more {
    macro_rules! twice {
        ($x:expr) => { $x; $x };
    }
}
";
    assert_outline(
        "pump.rs",
        text,
        &[
            ("", "//! Pumps."),
            ("Pump", "/// A pump."),
            ("Pump", "/// How it is driven."),
            ("Pump > fmt", "// Never fails."),
            ("Pump > fmt > inner", "fn inner() {}"),
            ("Pump > fmt", "Ok(())"),
            ("", "const ONE: u32 = 1;"),
            ("TABLE", "const TABLE: [u32; 3] = ["),
            ("", "mod tests;"),
            ("more", "mod more {"),
            ("more > twice", "macro_rules! twice {"),
        ],
    );
}

#[test]
fn every_language_has_its_definitions() {
    assert_outline(
        "a.py",
        "import os\n\n# Two lines\n# of it.\n@cached\ndef one():\n    \"\"\"Doc.\"\"\"\n\nclass Two(Base):\n    x = 1\n\n    async def three(self): pass\n",
        &[
            ("", "import os"),
            ("one", "# Two lines"),
            ("Two", "class Two(Base):"),
            ("Two > three", "async def three(self): pass"),
        ],
    );
    assert_outline(
        "a.ts",
        "import x from 'x';\n/** Doc. */\nexport abstract class One<T> {\n  // the field\n  a = 1;\n  /** Runs. */\n  @log()\n  run(): void {}\n}\nexport const two = (a: number) => {\n  a++;\n  return a;\n};\nexport interface Three { a: string }\nnamespace Four {\n  export function five() {}\n}\n",
        &[
            ("", "import x from 'x';"),
            ("One", "/** Doc. */"),
            ("One > run", "/** Runs. */"),
            ("two", "export const two = (a: number) => {"),
            ("Three", "export interface Three { a: string }"),
            ("Four", "namespace Four {"),
            ("Four > five", "export function five() {}"),
        ],
    );
    assert_outline("a.jsx", "function One() {\n  return <p>x</p>;\n}\n", &[("One", "function One() {")]);
    assert_outline("a.tsx", "function One() {\n  return <p>x</p>;\n}\n", &[("One", "function One() {")]);
    assert_outline(
        "a.go",
        "package a\n\n// Doc.\ntype Pump struct {\n\tRate int\n}\n\n// Runs.\nfunc (p *Pump[T]) Run() {}\nfunc main() {}\n",
        &[("", "package a"), ("Pump", "// Doc."), ("Pump > Run", "// Runs."), ("main", "func main() {}")],
    );
    assert_outline(
        "A.java",
        "package a;\n/** Doc. */\n@Deprecated\npublic class A {\n  int x;\n  @Override\n  public int run() { return 1; }\n  enum B { C }\n}\n",
        &[("", "package a;"), ("A", "/** Doc. */"), ("A > run", "@Override"), ("A > B", "enum B { C }")],
    );
}

#[test]
fn a_method_of_a_type_with_parameters_is_below_the_name_of_that_type() {
    assert_outline(
        "a.go",
        "package a\n\nfunc (s *Map[K, V]) Get(k K) V {}\nfunc (Map[K, V]) Other() {}\nfunc (\n\tm Map[K,\n\tV],\n) More() {}\nfunc (p *Pump) Run() {}\n",
        &[
            ("", "package a"),
            ("Map > Get", "func (s *Map[K, V]) Get(k K) V {}"),
            ("Map > Other", "func (Map[K, V]) Other() {}"),
            ("Map > More", "func ("),
            ("Pump > Run", "func (p *Pump) Run() {}"),
        ],
    );
    assert_outline(
        "a.hpp",
        "template <class T>\nvoid Foo<T>::method(int a) {}\ntemplate <class T, class U>\nint *Foo<T, Bar<U>>::Inner<(1 > 2)>::other() { return 0; }\nbool Foo::operator<(int a) { return a; }\n",
        &[
            ("Foo > method", "template <class T>"),
            ("Foo > Inner > other", "template <class T, class U>"),
            ("Foo > operator", "bool Foo::operator<(int a) { return a; }"),
        ],
    );
}

#[test]
fn namespaces_that_begin_in_one_line_are_all_named() {
    assert_outline(
        "a.cpp",
        "// Doc.\nnamespace a { namespace b { namespace {\nvoid f() {}\nint x;\n}}}\nnamespace c::d { namespace e {\nvoid g() {}\n} // e\nvoid h() {}\n}\nvoid i() {}\n",
        &[
            ("a > b", "// Doc."),
            ("a > b > f", "void f() {}"),
            ("a > b", "int x;"),
            ("c > d > e", "namespace c::d { namespace e {"),
            ("c > d > e > g", "void g() {}"),
            ("c > d > e", "} // e"),
            ("c > d > h", "void h() {}"),
            ("i", "void i() {}"),
        ],
    );
    let deep = outline("a.cpp", &("namespace a { ".repeat(3000) + "\nvoid f() {}\n"));
    assert!(deep.iter().all(|(path, _)| path.split(" > ").count() <= 9), "{deep:?}");
}

#[test]
fn and_so_have_those_of_systems_scripts_and_data() {
    assert_outline(
        "a.c",
        "#include <a.h>\n/* Doc. */\nstatic char *name_of(int a)\n{\n  return 0;\n}\nstruct pump {\n  int rate;\n  int size;\n};\nstruct pump *p;\n",
        &[
            ("", "#include <a.h>"),
            ("name_of", "/* Doc. */"),
            ("pump", "struct pump {"),
            ("", "struct pump *p;"),
        ],
    );
    assert_outline(
        "a.hpp",
        "namespace a::b {\n// Doc.\ntemplate <class T>\nclass Pump {\n public:\n  void run() {}\n};\nint &Pump::size() { return 1; }\n}\n",
        &[
            ("a > b", "namespace a::b {"),
            ("a > b > Pump", "// Doc."),
            ("a > b > Pump > run", "void run() {}"),
            ("a > b > Pump > size", "int &Pump::size() { return 1; }"),
        ],
    );
    assert_outline(
        "a.cs",
        "using X;\nnamespace A {\n  /// <summary>Doc.</summary>\n  [Sealed]\n  public record Pump(int Rate) {\n    public int Run() => 1;\n  }\n}\n",
        &[
            ("", "using X;"),
            ("A", "namespace A {"),
            ("A > Pump", "/// <summary>Doc.</summary>"),
            ("A > Pump > Run", "public int Run() => 1;"),
        ],
    );
    assert_outline(
        "a.rb",
        "require 'x'\nmodule A\n  # Doc.\n  class B < C\n    def self.run; end\n    def stop; end\n  end\nend\n",
        &[
            ("", "require 'x'"),
            ("A", "module A"),
            ("A > B", "# Doc."),
            ("A > B > run", "def self.run; end"),
            ("A > B > stop", "def stop; end"),
        ],
    );
    assert_outline(
        "a.sh",
        "#!/bin/sh\nset -e\n\n# Doc.\nrun() {\n  echo 1\n}\nrun\n",
        &[("", "#!/bin/sh"), ("run", "# Doc."), ("", "run")],
    );
    assert_outline(
        "a.sql",
        "-- Doc.\nCREATE TABLE plant.pumps (\n  rate INT\n);\nSELECT 1;\nCREATE VIEW fast AS SELECT 1;\n",
        &[("pumps", "-- Doc."), ("", "SELECT 1;"), ("fast", "CREATE VIEW fast AS SELECT 1;")],
    );
    assert_outline(
        "a.json",
        "{\n  \"name\": \"x\",\n  \"scripts\": {\n    \"build\": \"a\",\n    \"test\": \"b\"\n  }\n}\n",
        &[("", "{"), ("scripts", "\"scripts\": {")],
    );
    assert_outline(
        "a.yaml",
        "version: 1\n# Doc.\nservices:\n  web:\n    image: a\n    ports:\n      - 1\n  db: {}\n",
        &[("", "version: 1"), ("services", "# Doc."), ("services > web", "web:"), ("services", "db: {}")],
    );
    assert_outline(
        "a.toml",
        "a = 1\n# Doc.\n[package.metadata]\nb = 2\n[[bin]]\nname = 'x'\n",
        &[("", "a = 1"), ("package.metadata", "# Doc."), ("bin", "[[bin]]")],
    );
}

#[test]
fn a_file_is_called_what_its_first_comment_says() {
    let title = |name: &str, text: &str| read(name, text.as_bytes()).unwrap().title;
    for (name, text, expected) in [
        (
            "a.rs",
            "//! Who may talk to the `server`. And more.\n//!\n//! Details.\n\nuse x;\n",
            "Who may talk to the server",
        ),
        (
            "a.py",
            "#!/usr/bin/env python3\n\"\"\"Reads pumps,\none by one.\n\nMore.\n\"\"\"\nimport os\n",
            "Reads pumps, one by one",
        ),
        (
            "a.go",
            "// Copyright 2026 Nobody\n\n// Package pump runs pumps.\npackage pump\n",
            "Package pump runs pumps",
        ),
        ("a.ts", "/**\n * All about pumps.\n */\nimport x from 'x';\n", "All about pumps"),
        ("a.sh", "#!/bin/sh\n# Starts the pumps.\nset -e\n", "Starts the pumps"),
        ("a.sql", "-- Tables of the plant.\nCREATE TABLE a (b INT);\n", "Tables of the plant"),
    ] {
        assert_eq!(title(name, text).as_deref(), Some(expected), "{name}");
    }
    for (name, text) in [
        ("a.rs", "use x;\n// Later on.\n"),
        ("a.c", "/* SPDX-License-Identifier: MIT */\nint a;\n"),
        ("a.js", "// @ts-check\nlet a;\n"),
        ("a.py", "import os\n\"\"\"No docstring at all.\"\"\"\n"),
        ("a.rs", ""),
    ] {
        assert_eq!(title(name, text), None, "{name}");
    }
    let long = title("a.rs", &format!("//! {}\n", "word ".repeat(100))).unwrap();
    assert!(long.len() <= 120 && long.ends_with("word"), "{long}");
}

#[test]
fn what_is_in_one_line_or_in_no_language_stays_as_it_is() {
    assert_outline(
        "a.js",
        "function a(){} function b(){function c(){}}\n",
        &[("a", "function a(){} function b(){function c(){}}")],
    );
    for (name, text) in
        [("a.kt", "fun a() {}\n"), ("a.rs", ""), ("a.py", "x = 1\n"), ("Makefile", "all: a\n")]
    {
        assert_eq!(outline(name, text), [], "{name}");
    }
}

#[test]
fn mistakes_cost_no_text() {
    let text = "fn one() {\n    let x = ;\n}\n\n}) x\n\n/// Doc.\nfn two() { 2 }\n";
    let found = outline("a.rs", text);
    let paths: Vec<_> = found.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["one", "", "two"]);
}

#[test]
fn depth_and_length_are_no_danger() {
    let nested = |open: &str, close: &str, depth: usize| open.repeat(depth) + &close.repeat(depth);
    for (name, text) in [
        ("a.rs", nested("mod a {\nfn b() {\n", "}\n}\n", 5_000)),
        ("a.json", nested("[", "]", 100_000)),
        ("a.c", nested("(", ")", 100_000)),
        ("a.js", "function a(){}".repeat(50_000)),
        ("a.rs", "// note\n".repeat(100_000)),
        ("a.py", "def a(): pass\n".repeat(20_000)),
    ] {
        let document = read(name, text.as_bytes()).unwrap();
        assert_eq!(document.text.len(), text.len());
    }
    let deep = outline("a.rs", &nested("mod a {\nfn b() {\n", "}\n}\n", 50));
    assert!(deep.iter().all(|(path, _)| path.split(" > ").count() <= 8), "{deep:?}");
}

#[test]
fn sections_of_json_begin_at_the_lines_they_began_at() {
    let json = "{\n  \"a\": \"x\\ny \\u00e9\",\n  \"gr\\u00f6\\u00dfe\": [\n    1,\n    \"\\u0041\",\n    3\n  ],\n  \"b\": [\n    4,\n    5,\n    6\n  ]\n}\n";
    let document = read("a.JSON", json.as_bytes()).unwrap();
    assert!(document.text.contains("x y é") && document.text.contains("\"größe\": [\n    1,\n    \"A\""));
    let TextStructure::Definitions(sections) = &document.structure else { panic!("{document:?}") };
    let begin = |section: &TextSection| document.text[section.from..].lines().next().map(str::to_owned);
    let found: Vec<_> = sections.iter().map(|part| (part.path.join(">"), begin(part).unwrap())).collect();
    assert_eq!(
        found[1..],
        [("größe".to_owned(), "  \"größe\": [".to_owned()), ("b".to_owned(), "  \"b\": [".to_owned())]
    );
    assert_eq!(document.text.lines().count(), json.lines().count());
    let lines = read("a.jsonl", b"{\"a\":\"\\u0041\\nb\"}\n{}\n").unwrap();
    assert_eq!(lines.text, "{\"a\":\"A b\"}\n{}\n");
    assert_eq!(read("a.py", b"x = \"\\u0041\"\n").unwrap().text, "x = \"\\u0041\"\n");
}
