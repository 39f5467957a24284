//! The languages whose grammar is known, and what in each of them is a definition.

use tree_sitter::{Language, Node};

use crate::words::one_line;

/// A language.
pub(super) struct CodeLanguage {
    /// In lower case, without their dots, with spaces between them.
    endings: &'static str,
    grammar: fn() -> Language,
    definitions: &'static [DefinitionKind],
}

/// A kind of node that is a section of its own, named after what it defines.
pub(super) struct DefinitionKind {
    kind: &'static str,
    name: NameOf,
    /// Those with fewer lines are left to what is around them.
    least_lines: usize,
}

/// Where in a definition its name stands.
#[derive(Clone, Copy)]
enum NameOf {
    /// In this field.
    Field(&'static str),
    /// In this field of its first child of a kind.
    FieldOfChild(&'static str, &'static str),
    /// Where this field leads, as far as it leads.
    Innermost(&'static str),
    /// It is a key: in the field of that name, else it comes first.
    Key,
    /// In this field, behind the type that the second field tells.
    Method(&'static str, &'static str),
}

/// What is a definition however short it is.
const fn whole(kind: &'static str, name: NameOf) -> DefinitionKind {
    DefinitionKind { kind, name, least_lines: 1 }
}

/// What is one when it is long: a constant in one line is no section.
const fn long(kind: &'static str, name: NameOf) -> DefinitionKind {
    DefinitionKind { kind, name, least_lines: 4 }
}

const NAME: NameOf = NameOf::Field("name");

const RUST: &[DefinitionKind] = &[
    whole("function_item", NAME),
    whole("struct_item", NAME),
    whole("enum_item", NAME),
    whole("union_item", NAME),
    whole("trait_item", NAME),
    whole("macro_definition", NAME),
    whole("impl_item", NameOf::Field("type")),
    long("mod_item", NAME),
    long("function_signature_item", NAME),
    long("const_item", NAME),
    long("static_item", NAME),
    long("type_item", NAME),
];
const PYTHON: &[DefinitionKind] = &[whole("function_definition", NAME), whole("class_definition", NAME)];
const DECLARATOR: NameOf = NameOf::FieldOfChild("variable_declarator", "name");
const TYPESCRIPT: &[DefinitionKind] = &[
    whole("function_declaration", NAME),
    whole("generator_function_declaration", NAME),
    whole("class_declaration", NAME),
    whole("abstract_class_declaration", NAME),
    whole("method_definition", NAME),
    whole("interface_declaration", NAME),
    whole("enum_declaration", NAME),
    whole("internal_module", NAME),
    whole("module", NAME),
    long("type_alias_declaration", NAME),
    long("lexical_declaration", DECLARATOR),
    long("variable_declaration", DECLARATOR),
    long("public_field_definition", NAME),
    long("field_definition", NameOf::Field("property")),
];
const GO: &[DefinitionKind] = &[
    whole("function_declaration", NAME),
    whole("method_declaration", NameOf::Method("name", "receiver")),
    whole("type_declaration", NameOf::FieldOfChild("type_spec", "name")),
    long("const_declaration", NameOf::FieldOfChild("const_spec", "name")),
    long("var_declaration", NameOf::FieldOfChild("var_spec", "name")),
];
const JAVA: &[DefinitionKind] = &[
    whole("class_declaration", NAME),
    whole("interface_declaration", NAME),
    whole("enum_declaration", NAME),
    whole("record_declaration", NAME),
    whole("annotation_type_declaration", NAME),
    whole("method_declaration", NAME),
    whole("constructor_declaration", NAME),
    whole("compact_constructor_declaration", NAME),
];
const C: &[DefinitionKind] = &[
    whole("function_definition", NameOf::Innermost("declarator")),
    whole("namespace_definition", NAME),
    long("class_specifier", NAME),
    long("struct_specifier", NAME),
    long("union_specifier", NAME),
    long("enum_specifier", NAME),
    long("type_definition", NameOf::Innermost("declarator")),
    long("preproc_function_def", NAME),
    long("concept_definition", NAME),
];
const C_SHARP: &[DefinitionKind] = &[
    whole("namespace_declaration", NAME),
    whole("class_declaration", NAME),
    whole("struct_declaration", NAME),
    whole("interface_declaration", NAME),
    whole("enum_declaration", NAME),
    whole("record_declaration", NAME),
    whole("method_declaration", NAME),
    whole("constructor_declaration", NAME),
    long("property_declaration", NAME),
    long("delegate_declaration", NAME),
];
const RUBY: &[DefinitionKind] =
    &[whole("class", NAME), whole("module", NAME), whole("method", NAME), whole("singleton_method", NAME)];
const SHELL: &[DefinitionKind] = &[whole("function_definition", NAME)];
const REFERENCE: NameOf = NameOf::FieldOfChild("object_reference", "name");
const SQL: &[DefinitionKind] = &[
    whole("create_table", REFERENCE),
    whole("create_view", REFERENCE),
    whole("create_materialized_view", REFERENCE),
    whole("create_function", REFERENCE),
    whole("create_trigger", REFERENCE),
    whole("create_type", REFERENCE),
];
const JSON: &[DefinitionKind] = &[long("pair", NameOf::Key)];
const YAML: &[DefinitionKind] = &[long("block_mapping_pair", NameOf::Key)];
const TOML: &[DefinitionKind] =
    &[whole("table", NameOf::Key), whole("table_array_element", NameOf::Key), long("pair", NameOf::Key)];

/// Every language.
const LANGUAGES: &[CodeLanguage] = &[
    CodeLanguage { endings: "rs", grammar: || tree_sitter_rust::LANGUAGE.into(), definitions: RUST },
    CodeLanguage { endings: "py pyi", grammar: || tree_sitter_python::LANGUAGE.into(), definitions: PYTHON },
    CodeLanguage {
        endings: "js mjs cjs jsx",
        grammar: || tree_sitter_javascript::LANGUAGE.into(),
        definitions: TYPESCRIPT,
    },
    CodeLanguage {
        endings: "ts mts cts",
        grammar: || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        definitions: TYPESCRIPT,
    },
    CodeLanguage {
        endings: "tsx",
        grammar: || tree_sitter_typescript::LANGUAGE_TSX.into(),
        definitions: TYPESCRIPT,
    },
    CodeLanguage { endings: "go", grammar: || tree_sitter_go::LANGUAGE.into(), definitions: GO },
    CodeLanguage { endings: "java", grammar: || tree_sitter_java::LANGUAGE.into(), definitions: JAVA },
    CodeLanguage { endings: "c", grammar: || tree_sitter_c::LANGUAGE.into(), definitions: C },
    CodeLanguage {
        endings: "h cc cpp cxx hh hpp hxx",
        grammar: || tree_sitter_cpp::LANGUAGE.into(),
        definitions: C,
    },
    CodeLanguage { endings: "cs", grammar: || tree_sitter_c_sharp::LANGUAGE.into(), definitions: C_SHARP },
    CodeLanguage { endings: "rb", grammar: || tree_sitter_ruby::LANGUAGE.into(), definitions: RUBY },
    CodeLanguage { endings: "sh bash", grammar: || tree_sitter_bash::LANGUAGE.into(), definitions: SHELL },
    CodeLanguage { endings: "sql", grammar: || tree_sitter_sequel::LANGUAGE.into(), definitions: SQL },
    CodeLanguage { endings: "json", grammar: || tree_sitter_json::LANGUAGE.into(), definitions: JSON },
    CodeLanguage { endings: "yaml yml", grammar: || tree_sitter_yaml::LANGUAGE.into(), definitions: YAML },
    CodeLanguage { endings: "toml", grammar: || tree_sitter_toml_ng::LANGUAGE.into(), definitions: TOML },
];

/// The longest name that is shown, in characters.
const LONGEST_NAME: usize = 120;

impl CodeLanguage {
    /// The language of files with an ending; `None` when its grammar is not known.
    pub(super) fn of(ending: &str) -> Option<&'static Self> {
        let has =
            |language: &&Self| language.endings.split(' ').any(|known| ending.eq_ignore_ascii_case(known));
        LANGUAGES.iter().find(has)
    }

    pub(super) fn grammar(&self) -> Language {
        (self.grammar)()
    }

    /// The names of what a node defines, outermost first; `None` when it defines nothing.
    pub(super) fn defined_by(&self, node: Node<'_>, text: &str) -> Option<Vec<String>> {
        let kind = self.definitions.iter().find(|definition| definition.kind == node.kind())?;
        let lines = node.end_position().row - node.start_position().row + 1;
        let is_declared_only = matches!(
            node.kind(),
            "struct_specifier" | "union_specifier" | "enum_specifier" | "class_specifier"
        ) && node.child_by_field_name("body").is_none();
        if lines < kind.least_lines || is_declared_only {
            return None;
        }
        let names = kind.name.of(node, text);
        (!names.is_empty()).then_some(names)
    }
}

/// Whether a node only holds definitions together: what is on its first line may be another one of these.
pub(super) fn is_namespace(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "namespace_definition" | "namespace_declaration" | "internal_module" | "module" | "mod_item"
    )
}

impl NameOf {
    fn of<'n>(self, node: Node<'n>, text: &str) -> Vec<String> {
        let shown = |node: Node<'_>| names(text.get(node.byte_range()).unwrap_or_default());
        let child = |kind: &str| {
            let mut cursor = node.walk();
            node.named_children(&mut cursor).find(|child| child.kind() == kind)
        };
        match self {
            Self::Field(field) => node.child_by_field_name(field).map(shown),
            Self::Key => {
                let key = node.child_by_field_name("key").or_else(|| node.named_child(0));
                key.and_then(|key| text.get(key.byte_range()))
                    .map(|key| vec![shortened(key.trim_matches(['"', '\'']))])
            }
            Self::FieldOfChild(kind, field) => {
                child(kind).and_then(|child| child.child_by_field_name(field)).map(shown)
            }
            Self::Innermost(field) => {
                let step = |node: &Node<'n>| node.child_by_field_name(field);
                std::iter::successors(step(&node), step).last().map(shown)
            }
            Self::Method(name, receiver) => node.child_by_field_name(name).map(|name| {
                let receiver = node.child_by_field_name(receiver);
                let receiver = receiver.and_then(|node| text.get(node.byte_range())).unwrap_or_default();
                // Without its type parameters, which may have spaces in them.
                let receiver = receiver.split('[').next().unwrap_or_default();
                let around = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '*' | ',');
                let kind = receiver.trim_matches(around).rsplit(around).next().unwrap_or_default();
                names(kind).into_iter().chain(shown(name)).collect()
            }),
        }
        .unwrap_or_default()
    }
}

/// A name as it is shown: without type parameters, and each part of a path by itself.
fn names(text: &str) -> Vec<String> {
    let text = text.trim_matches(['&', '*', ' ', '`', '[', ']']);
    without_type_parameters(text).split("::").map(shortened).filter(|part| !part.is_empty()).collect()
}

/// A name up to its first parameter, without what stands in angle brackets.
fn without_type_parameters(text: &str) -> String {
    let mut name = String::new();
    // How many angle brackets are open, and how many others inside of them: there, signs may compare.
    let (mut angles, mut others) = (0_usize, 0_usize);
    let mut before = ' ';
    for c in text.chars() {
        match c {
            '<' if others == 0 => angles += 1,
            '>' if angles > 0 && others == 0 && before != '-' => angles -= 1,
            '(' | '[' | '{' if angles > 0 => others += 1,
            ')' | ']' | '}' if angles > 0 => others = others.saturating_sub(1),
            '(' | '[' => break,
            c if angles == 0 => name.push(c),
            _ => {}
        }
        before = c;
    }
    name
}

fn shortened(name: &str) -> String {
    one_line(name).chars().take(LONGEST_NAME).collect()
}
