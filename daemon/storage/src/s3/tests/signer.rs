//! A signer of version 4, written from the published algorithm, to check the verifier against.

use bytes::Bytes;
use http::Request;
use ring::{digest, hmac};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::digest::hex;
use crate::rig::{ACCESS_KEY, SECRET, request};

/// Who signs, for which region.
#[derive(Debug, Clone)]
pub(super) struct Signer {
    pub(super) access_key: String,
    pub(super) secret: String,
    pub(super) region: String,
    pub(super) service: String,
    pub(super) when: OffsetDateTime,
}

impl Signer {
    pub(super) fn app() -> Self {
        Self {
            access_key: ACCESS_KEY.to_owned(),
            secret: SECRET.to_owned(),
            region: "cofferdam".to_owned(),
            service: "s3".to_owned(),
            when: OffsetDateTime::now_utc(),
        }
    }

    fn stamp(&self) -> String {
        self.when
            .format(format_description!(
                "[year][month][day]T[hour][minute][second]Z"
            ))
            .unwrap()
    }

    fn day(&self) -> String {
        self.when
            .format(format_description!("[year][month][day]"))
            .unwrap()
    }

    fn scope(&self) -> String {
        format!(
            "{}/{}/{}/aws4_request",
            self.day(),
            self.region,
            self.service
        )
    }

    fn signature(&self, canonical: &str) -> String {
        let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let text = format!(
            "AWS4-HMAC-SHA256\n{}\n{}\n{hashed}",
            self.stamp(),
            self.scope()
        );
        let sign = |key: &[u8], text: &str| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key);
            hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
        };
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for part in [&self.day(), &self.region, &self.service, "aws4_request"] {
            key = sign(&key, part);
        }
        hex(&sign(&key, &text))
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of a request, in their order"
    )]
    /// A request signed in its headers; `payload` is the value of `x-amz-content-sha256`.
    pub(super) fn signed(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        payload: &str,
        body: impl Into<Bytes>,
    ) -> Request<s3s::Body> {
        let stamp = self.stamp();
        let mut all: Vec<(&str, &str)> = headers.to_vec();
        all.push(("x-amz-content-sha256", payload));
        all.push(("x-amz-date", &stamp));
        let mut covered = all.clone();
        covered.push(("host", "127.0.0.1:7542"));
        covered.sort_unstable();
        let names: Vec<&str> = covered.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let lines: Vec<String> = covered
            .iter()
            .map(|(name, value)| {
                format!(
                    "{name}:{value}
"
                )
            })
            .collect();
        let lines = lines.concat();
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let canonical = format!(
            "{method}\n{path}\n{}\n{lines}\n{names}\n{payload}",
            sorted(query)
        );
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={names}, Signature={}",
            self.access_key,
            self.scope(),
            self.signature(&canonical)
        );
        all.push(("authorization", &authorization));
        request(method, uri, &all, body)
    }

    /// A URL that anybody with a session may use until it expires.
    pub(super) fn presigned(&self, method: &str, path: &str, seconds: u32) -> String {
        let credential = format!("{}/{}", self.access_key, self.scope()).replace('/', "%2F");
        let query = sorted(&format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={}\
             &X-Amz-Expires={seconds}&X-Amz-SignedHeaders=host",
            self.stamp()
        ));
        let canonical =
            format!("{method}\n{path}\n{query}\nhost:127.0.0.1:7542\n\nhost\nUNSIGNED-PAYLOAD");
        format!(
            "{path}?{query}&X-Amz-Signature={}",
            self.signature(&canonical)
        )
    }
}

fn sorted(query: &str) -> String {
    let mut pairs: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            if pair.contains('=') {
                pair.to_owned()
            } else {
                format!("{pair}=")
            }
        })
        .collect();
    pairs.sort();
    pairs.join("&")
}

/// The lower-case hexadecimal SHA-256 of a body.
pub(super) fn sha256(body: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, body).as_ref())
}
