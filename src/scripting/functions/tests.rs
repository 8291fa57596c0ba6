//! Loading, joining and restoring of libraries.

use super::*;

const VERSION: Version = Version { text: "8.0.0", number: 0x0008_0000 };

fn functions() -> Functions {
    Functions::new(VERSION, 1 << 28)
}

fn load(functions: &mut Functions, code: &str, replace: bool) -> Result<String, String> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let loaded = functions.load_library(code.as_bytes(), replace, 500, &mut |_, _| {});
    loaded.map(|name| text(name.into_vec())).map_err(text)
}

fn library(name: &str, function: &str) -> String {
    format!("#!lua name={name}\nredis.register_function('{function}', function(k, a) return 1 end)")
}

#[test]
fn libraries_are_loaded_found_and_deleted() {
    let mut f = functions();
    assert_eq!(load(&mut f, &library("lib", "Foo"), false), Ok("lib".into()));
    assert!(f.find(b"foo").is_some() && f.find(b"bar").is_none());
    assert_eq!(f.counts(), (1, 1));
    let again = load(&mut f, &library("lib", "foo"), false);
    assert_eq!(again, Err("Library 'lib' already exists".into()));
    assert_eq!(load(&mut f, &library("lib", "bar"), true), Ok("lib".into()));
    assert!(f.find(b"foo").is_none() && f.find(b"bar").is_some());
    let clash = load(&mut f, &library("other", "BAR"), false);
    assert_eq!(clash, Err("Function BAR already exists".into()));
    assert!(f.delete_library(b"lib") && !f.delete_library(b"lib"));
    assert_eq!(f.counts(), (0, 0));
}

#[test]
fn what_cannot_be_loaded_changes_nothing() {
    let mut f = functions();
    load(&mut f, &library("lib", "foo"), false).unwrap();
    for (code, error) in [
        ("return 1", "Missing library metadata"),
        ("#!lua name=a-b\n", BAD_NAME),
        ("#!js name=x\n", "Engine 'js' not found"),
        ("#!lua name=x\nlocal y = 1", "No functions registered"),
        (
            "#!lua name=x\nredis.register_function('a-b', function() end)",
            &format!("Error registering functions: ERR {BAD_NAME}"),
        ),
        (
            "#!lua name=x\nredis.register_function('a', function() end)\n\
             redis.register_function('a', function() end)",
            "Error registering functions: ERR Function already exists in the library",
        ),
        (
            "#!lua name=x\nredis.register_function{function_name='a', x=1}",
            "Error registering functions: ERR unknown argument given to redis.register_function",
        ),
        (
            "#!lua name=x\nreturn string.rep('x', 3)",
            "Error registering functions: ERR user_function:2: Script attempted to access \
             nonexistent global variable 'string'",
        ),
        (
            "#!lua name=x\nfoo = 1",
            "Error registering functions: ERR user_function:2: Attempt to modify a readonly table",
        ),
        (
            "#!lua name=x\nwhile true do end",
            "Error registering functions: ERR FUNCTION LOAD timeout",
        ),
    ] {
        let outcome = load(&mut f, code, false).unwrap_err();
        assert!(outcome == error, "{code}: {outcome}");
    }
    assert_eq!(f.counts(), (1, 1));
}

#[test]
fn dumped_libraries_can_be_restored() {
    let mut f = functions();
    load(&mut f, &library("one", "a"), false).unwrap();
    load(&mut f, &library("two", "b"), false).unwrap();
    let payload = dump(f.libraries().map(|library| &*library.code), true);
    let body = verify(&payload, true).expect("its own footer").to_vec();
    let restore = |f: &mut Functions, policy| {
        let outcome = f.restore(&body, policy, &mut |_, _| {});
        outcome.map_err(|error| String::from_utf8(error).unwrap())
    };
    let exists = Err("Library one already exists".to_string());
    assert_eq!(restore(&mut f, RestorePolicy::Append), exists);
    assert_eq!(restore(&mut f, RestorePolicy::Replace), Ok(()));
    assert_eq!(f.counts(), (2, 2));
    let mut other = functions();
    load(&mut other, &library("three", "B"), false).unwrap();
    let clash = Err("Function b already exists".to_string());
    assert_eq!(restore(&mut other, RestorePolicy::Append), clash);
    assert_eq!(other.counts(), (1, 1));
    assert_eq!(restore(&mut other, RestorePolicy::Flush), Ok(()));
    assert_eq!(other.counts(), (2, 2));
    assert!(verify(&payload[1..], true).is_none());
}

#[test]
fn all_libraries_are_replaced_or_none() {
    let mut f = functions();
    load(&mut f, &library("one", "a"), false).unwrap();
    let code = |name: &&str| library(name, "a").into_bytes();
    let codes = |names: &[&str]| names.iter().map(code).collect::<Vec<_>>();
    let replace = |f: &mut Functions, codes: &[Vec<u8>]| f.replace_all(codes, &mut |_, _| {});
    let broken = [codes(&["two"]), vec![b"no library".to_vec()]].concat();
    assert!(replace(&mut f, &broken).is_err());
    assert!(replace(&mut f, &codes(&["two", "three"])).is_err(), "both have a function a");
    assert_eq!(f.libraries().next().map(|library| &*library.name), Some(&b"one"[..]));
    assert_eq!(replace(&mut f, &codes(&["two"])), Ok(()));
    assert_eq!(f.libraries().next().map(|library| &*library.name), Some(&b"two"[..]));
    assert_eq!((replace(&mut f, &[]), f.counts()), (Ok(()), (0, 0)));
}
