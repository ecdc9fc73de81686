//! Listings with names that break careless servers.

use http::StatusCode;

use crate::rig::Rig;

/// Keys, and how they stand in a URL.
fn odd_names() -> Vec<(String, String)> {
    let plain = [
        "a b+c&é.txt",
        "plus+plus",
        "percent%41",
        "amp&lt",
        "hash#tag",
        "question?mark",
        "space ",
        " lead",
        "é",
        "a//b",
        "//double",
        "trailing/",
        "dir/./x",
        "dir/../y",
        "dot.",
        "..hidden",
        "q\"uote'",
        "<tag>",
        "back\\slash",
        "colon:semi;",
        "star*",
        "tilde~",
        "emoji😀",
        "eq=",
        "a/b/c/d",
    ];
    let mut names: Vec<String> = plain.iter().map(|name| (*name).to_owned()).collect();
    names.push("k".repeat(1024));
    names.push("é".repeat(512));
    names
        .into_iter()
        .map(|name| (escape(&name), name))
        .map(|(url, name)| (name, url))
        .collect()
}

fn escape(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// What Python's `unquote_plus` does, which botocore applies to a listing.
fn unquote_plus(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        match first {
            b'%' => {
                let digits = std::str::from_utf8(&behind[..2]).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = &behind[2..];
            }
            b'+' => {
                bytes.push(b' ');
                rest = behind;
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// The texts of every element `name`, with XML's escapes undone.
fn texts(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&open)
        .skip(1)
        .map(|rest| rest.split(&close).next().unwrap())
        .map(|text| {
            text.replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&apos;", "'")
                .replace("&amp;", "&")
        })
        .collect()
}

async fn filled() -> (Rig, Vec<String>) {
    let rig = Rig::new().await;
    let mut names = Vec::new();
    for (name, url) in odd_names() {
        rig.put(&format!("/files/{url}"), name.clone()).await;
        names.push(name);
    }
    names.sort();
    (rig, names)
}

#[tokio::test]
async fn every_odd_name_is_stored_read_listed_and_deleted_under_itself() {
    let (rig, names) = filled().await;
    for (name, url) in odd_names() {
        assert_eq!(rig.get(&format!("/files/{url}")).await.text(), name);
    }
    for uri in ["/files", "/files?list-type=2", "/files?versions"] {
        let plain = rig.get(uri).await;
        assert_eq!(texts(&plain.text(), "Key"), names, "{uri}");
        let join = if uri.contains('?') { "&" } else { "?" };
        let coded = rig
            .get(&format!("{uri}{join}encoding-type=url"))
            .await
            .text();
        let keys: Vec<String> = texts(&coded, "Key")
            .iter()
            .map(|key| unquote_plus(key))
            .collect();
        assert_eq!(keys, names, "{uri}");
        assert!(coded.contains("<EncodingType>url</EncodingType>"));
        assert!(coded.contains("a%20b%2Bc%26%C3%A9.txt"));
    }
    let list: Vec<String> = names
        .iter()
        .map(|name| name.replace('&', "&amp;").replace('<', "&lt;"))
        .map(|name| format!("<Object><Key>{name}</Key></Object>"))
        .collect();
    let list = list.concat();
    let answer = rig
        .send(
            "POST",
            "/files?delete",
            &[],
            format!("<Delete>{list}</Delete>"),
        )
        .await;
    assert_eq!(
        texts(&answer.text(), "Key").len(),
        names.len(),
        "{}",
        answer.text()
    );
    assert!(rig.files().is_empty());
}

#[tokio::test]
async fn pages_of_any_size_join_to_the_whole_list() {
    let (rig, names) = filled().await;
    for max in [1, 7, 1000] {
        let (mut v1, mut v2, mut versions) = (Vec::new(), Vec::new(), Vec::new());
        let mut marker = String::new();
        loop {
            let uri = format!(
                "/files?encoding-type=url&max-keys={max}&marker={}",
                escape(&marker)
            );
            let page = rig.get(&uri).await.text();
            v1.extend(texts(&page, "Key").iter().map(|key| unquote_plus(key)));
            if texts(&page, "IsTruncated") != ["true"] {
                break;
            }
            marker = unquote_plus(&texts(&page, "NextMarker")[0]);
        }
        let mut token = None;
        loop {
            let from = token.map(|token| format!("&continuation-token={token}"));
            let from = from.unwrap_or_default();
            let page = rig
                .get(&format!("/files?list-type=2&max-keys={max}{from}"))
                .await
                .text();
            v2.extend(texts(&page, "Key"));
            let count: usize = texts(&page, "KeyCount")[0].parse().unwrap();
            assert!(count <= max);
            match texts(&page, "NextContinuationToken").pop() {
                Some(next) => token = Some(next),
                None => break,
            }
        }
        let mut marker = String::new();
        loop {
            let uri = format!(
                "/files?versions&max-keys={max}&key-marker={}",
                escape(&marker)
            );
            let page = rig.get(&uri).await.text();
            versions.extend(texts(&page, "Key"));
            assert!(
                texts(&page, "VersionId")
                    .iter()
                    .all(|version| version == "null")
            );
            match texts(&page, "NextKeyMarker").pop() {
                Some(next) => marker = next,
                None => break,
            }
        }
        assert_eq!(v1, names, "{max}");
        assert_eq!(v2, names, "{max}");
        assert_eq!(versions, names, "{max}");
    }
}

#[tokio::test]
async fn prefix_delimiter_and_start_after_select_and_roll_up() {
    let rig = Rig::new().await;
    for name in ["a/1", "a/2", "a/b/3", "b+c/4", "top", "zz"] {
        rig.put(&format!("/files/{}", escape(name)), "x").await;
    }
    let listed = async |query: &str| {
        let page = rig.get(&format!("/files?list-type=2&{query}")).await.text();
        (texts(&page, "Key"), texts(&page, "CommonPrefixes"))
    };
    let prefix = |text: &str| format!("<Prefix>{text}</Prefix>");
    let (keys, prefixes) = listed("delimiter=/").await;
    assert_eq!(keys, ["top", "zz"]);
    assert_eq!(prefixes, [prefix("a/"), prefix("b+c/")]);
    let (keys, prefixes) = listed("delimiter=/&prefix=a/").await;
    assert_eq!(keys, ["a/1", "a/2"]);
    assert_eq!(prefixes, [prefix("a/b/")]);
    let (_, prefixes) = listed("delimiter=/&encoding-type=url").await;
    assert_eq!(prefixes, [prefix("a/"), prefix("b%2Bc/")]);
    assert_eq!(
        listed("start-after=a/2").await.0,
        ["a/b/3", "b+c/4", "top", "zz"]
    );
    assert_eq!(
        listed("prefix=t&start-after=u").await.0,
        Vec::<String>::new()
    );
    assert_eq!(listed("prefix=none").await.0, Vec::<String>::new());
    assert_eq!(listed("max-keys=0").await.0, Vec::<String>::new());
}

#[tokio::test]
async fn an_argument_that_cannot_be_used_is_refused() {
    let rig = Rig::new().await;
    for query in [
        "max-keys=-1",
        "encoding-type=base64",
        "list-type=2&continuation-token=!",
    ] {
        let answer = rig.get(&format!("/files?{query}")).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::BAD_REQUEST, "ST-307"),
            "{query}"
        );
    }
    let long = format!("/files/{}", "k".repeat(1025));
    let answer = rig.send("PUT", &long, &[], "x").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.text().contains("KeyTooLongError"));
}
