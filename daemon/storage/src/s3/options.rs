//! Owns the options of S3 that are refused by name instead of being ignored: each would promise
//! something that does not happen here.

use http::HeaderMap;

use crate::code::Code;
use crate::fault::Fault;

/// Headers that are refused whatever they say, by how they begin.
const REFUSED: [&str; 9] = [
    "x-amz-object-lock-",
    "x-amz-bucket-object-lock-",
    "x-amz-tagging",
    "x-amz-website-redirect-location",
    "x-amz-server-side-encryption-customer-",
    "x-amz-server-side-encryption-aws-kms-",
    "x-amz-server-side-encryption-context",
    "x-amz-grant-",
    "x-amz-write-offset-bytes",
];

/// Headers that may only say what is the case anyway.
const NARROW: [(&str, &[&str]); 3] = [
    (
        "x-amz-acl",
        &["private", "bucket-owner-full-control", "bucket-owner-read"],
    ),
    ("x-amz-storage-class", &["STANDARD"]),
    ("x-amz-server-side-encryption", &["AES256"]),
];

/// Refuses a request that asks for what is not offered.
///
/// # Errors
/// [`Code::OptionAbsent`], with the header's name.
pub fn refuse(headers: &HeaderMap) -> Result<(), Fault> {
    for name in headers.keys() {
        if REFUSED
            .iter()
            .any(|refused| name.as_str().starts_with(refused))
        {
            return Err(Fault::new(Code::OptionAbsent, name.as_str()));
        }
    }
    for (name, allowed) in NARROW {
        for value in headers.get_all(name) {
            if !value.to_str().is_ok_and(|value| allowed.contains(&value)) {
                let seen = format!("{name} other than {}", allowed.join(", "));
                return Err(Fault::new(Code::OptionAbsent, seen));
            }
        }
    }
    Ok(())
}

/// Refuses a version other than the one there is.
///
/// # Errors
/// [`Code::OptionAbsent`].
pub fn refuse_version(asked: Option<&str>) -> Result<(), Fault> {
    match asked {
        None | Some("" | "null") => Ok(()),
        Some(_) => Err(Fault::new(
            Code::OptionAbsent,
            "versionId: the store keeps no versions",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(name: &'static str, value: &'static str) -> bool {
        let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
        refuse(&headers).is_ok()
    }

    #[test]
    fn what_is_the_case_anyway_may_be_said() {
        assert!(verdict("x-amz-acl", "private"));
        assert!(verdict("x-amz-storage-class", "STANDARD"));
        assert!(verdict("x-amz-server-side-encryption", "AES256"));
        assert!(verdict("x-amz-meta-x-amz-tagging", "a"));
        assert!(refuse_version(Some("null")).is_ok());
    }

    #[test]
    fn what_would_not_happen_is_refused() {
        assert!(!verdict("x-amz-acl", "public-read"));
        assert!(!verdict("x-amz-storage-class", "GLACIER"));
        assert!(!verdict("x-amz-server-side-encryption", "aws:kms"));
        assert!(!verdict(
            "x-amz-server-side-encryption-customer-algorithm",
            "AES256"
        ));
        assert!(!verdict("x-amz-object-lock-mode", "COMPLIANCE"));
        assert!(!verdict("x-amz-tagging", "a=b"));
        assert!(refuse_version(Some("3")).is_err());
    }
}
