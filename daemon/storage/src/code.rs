//! Owns the stable codes of storage and what each of them means and how it is mended.
//!
//! It must never hold logic: a code is chosen where the fault is seen.

use cofferdam_hwprofile::CodeEntry;
use std::fmt;

macro_rules! codes {
    ($($name:ident, $code:literal, $title:literal, $meaning:literal, $mend:literal;)+) => {
        /// One reason for storage to refuse or to fail, stable across releases.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $title] $name,)+
        }

        impl Code {
            /// Every code, in the order of [`CODES`].
            pub const ALL: &[Code] = &[$(Code::$name,)+];

            /// The text an operator greps for, such as `ST-301`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Code::$name => $code,)+
                }
            }
        }

        /// Every code storage can emit, with what it means and how to mend it.
        pub static CODES: &[CodeEntry] = &[
            $(CodeEntry { code: $code, title: $title, meaning: $meaning, mend: $mend },)+
        ];
    };
}

codes! {
    GrantsUnreadable, "ST-001", "the grants file cannot be read",
        "The file named by `grants-file` is absent, unreadable or not a regular file.",
        "Create it for the service's user with mode 0600, or remove `grants-file` from [storage].";
    GrantsExposed, "ST-002", "the grants file is open to others",
        "Secrets in a file that its group or everybody may read are not secrets.",
        "chmod 0600 the file and replace every secret in it.";
    GrantsMalformed, "ST-003", "the grants file is malformed",
        "The file must hold tables [grant.<access-key>] with the keys secret, zone and why.",
        "Mend the line named in the message.";
    CatalogueUnreadable, "ST-004", "the catalogue cannot be opened",
        "The sealed catalogue could not be read, or its key could not be opened.",
        "Restore the catalogue from its backup, or give the zone its key rights back.";
    DirectoryUnusable, "ST-005", "the object folder cannot be used",
        "The folder of sealed objects could not be created, listed or synced.",
        "Look at the owner, the mode and the file system named in the message.";
    SettingUnusable, "ST-006", "a setting of the storage table cannot be used",
        "A bucket named in the settings breaks the naming rules.",
        "Use 3 to 63 of a-z, 0-9, dot and hyphen.";

    SignatureVersion, "ST-101", "signature version 2 is refused",
        "The request carries an HMAC-SHA1 signature of version 2, which is not verified here.",
        "Set the region `cofferdam` in the client: every current client then signs with version 4.";
    SignatureScope, "ST-102", "the signature is for another region or service",
        "A signature counts only for the region `cofferdam` and the service `s3`.",
        "Set the region `cofferdam` in the client.";
    AccessKeyUnknown, "ST-103", "the access key is not granted",
        "No grant of this store carries the access key of the signature.",
        "Ask the operator for a grant, or send the request unsigned under the certificate alone.";
    GrantZone, "ST-104", "the grant belongs to another zone",
        "The certificate and the access key name different zones; the certificate decides.",
        "Use the access key that was granted to the zone of this certificate.";
    OperationAbsent, "ST-105", "the operation is not offered",
        "Storage offers a chosen part of the S3 protocol; this operation is not in it.",
        "See the list of operations in the manual of cofferd-storage.";
    OptionAbsent, "ST-106", "an option of the operation is not offered",
        "Ignoring the option would promise something that does not happen.",
        "Send the request without the header named in the message.";
    NoSession, "ST-107", "the request came without a session",
        "Every request must come over a session that the link has admitted.",
        "This is a defect of the node: report it.";

    ContentMd5, "ST-201", "the body does not match Content-MD5",
        "The bytes that arrived differ from those the client announced; nothing was kept.",
        "Send again; if it happens again look at what stands between client and store.";
    Checksum, "ST-202", "the body does not match its checksum",
        "The bytes that arrived differ from those the client announced; nothing was kept.",
        "Send again; if it happens again look at what stands between client and store.";
    ChecksumAbsent, "ST-203", "an announced checksum is absent or unknown",
        "x-amz-trailer announced a checksum that did not come, or that is not understood.",
        "Use crc32, crc32c, crc64nvme, sha1 or sha256.";
    BodyLength, "ST-204", "the body is not as long as announced",
        "More or fewer bytes came than Content-Length or x-amz-decoded-content-length said.",
        "Send again.";
    BodyBroken, "ST-205", "the body broke off or is malformed",
        "The connection ended inside the body, or its chunk framing is wrong; nothing was kept.",
        "Send again.";
    BodyTooLarge, "ST-206", "the body is larger than allowed",
        "One object may not be larger than `max-object-bytes`.",
        "Send it in parts, or raise `max-object-bytes` in [storage].";
    PayloadSignature, "ST-207", "the body does not match its signature",
        "The signed hash of the payload is not that of the bytes that arrived.",
        "Send again; if it happens again look at what stands between client and store.";
    BodySlow, "ST-208", "the body stopped coming",
        "No byte of the body arrived for 30 seconds.",
        "Send again over a connection that holds.";

    KeyExists, "ST-301", "the object exists already",
        "If-None-Match: * was sent and the key is taken; nothing was changed.",
        "For a retry this means that the first attempt was stored.";
    EtagDiffers, "ST-302", "the object is not the expected one",
        "If-Match, If-None-Match or a date condition did not hold; nothing was changed.",
        "Read the object's present ETag and decide again.";
    BucketAbsent, "ST-303", "the bucket does not exist",
        "No bucket has this name.",
        "Create it, or list it under `buckets` in [storage].";
    KeyAbsent, "ST-304", "the object does not exist",
        "The bucket holds no object under this key.",
        "Look at the key; characters such as + and % must be escaped once in the URL.";
    BucketNotEmpty, "ST-305", "the bucket is not empty",
        "Only an empty bucket can be deleted.",
        "Delete its objects first.";
    BucketExists, "ST-306", "the bucket exists already",
        "A bucket of this name is there already.",
        "Use it.";
    ArgumentInvalid, "ST-307", "an argument cannot be used",
        "A header or query value is out of its range.",
        "Mend the argument named in the message.";
    RangeInvalid, "ST-308", "the range lies outside the object",
        "The first byte of the range is behind the object's last.",
        "Ask for a range inside the size that HEAD tells.";
    UploadAbsent, "ST-309", "the multipart upload does not exist",
        "The upload was completed or aborted, or the store was restarted since.",
        "Start the upload again.";
    PartInvalid, "ST-310", "a part of the upload cannot be used",
        "A part is absent, out of order, smaller than 5 MiB, or has another ETag.",
        "Upload the part again and complete with the ETags that were answered.";
    UploadsFull, "ST-311", "too many unfinished uploads",
        "The bound on unfinished multipart uploads is reached.",
        "Complete or abort some.";
    NotReplaceable, "ST-312", "the object may not be replaced",
        "A write over an object destroys it, so it needs the verb `delete` beside `append`.",
        "Write under a new key, or have `delete` added to the flow in flows.toml.";

    DiskFull, "ST-401", "the disk is full",
        "The object could not be written; what was begun is removed and the store goes on.",
        "Free space on the file system of the state folder.";
    DiskFault, "ST-402", "the disk refused",
        "Reading or writing the store failed with the error in the message.",
        "Look at the disk and the kernel log; nothing was acknowledged.";
    NoDataKey, "ST-403", "there is no data key",
        "The keeper gave no key to seal with; nothing is ever written unsealed.",
        "Look at the keeper and at this zone's lease and flow `key-new`.";
    NoReceipt, "ST-404", "the trail cannot be written",
        "No act takes effect before its receipt is durable, so nothing was done.",
        "Look at the disk of the trail.";
    CatalogueClosed, "ST-405", "the catalogue takes no change",
        "The zone is stopping, or the catalogue met an I/O error and stays closed.",
        "Restart the zone once the disk is sound; what was acknowledged is there.";

    ObjectDamaged, "ST-501", "the sealed object is damaged",
        "The file was truncated, altered or exchanged on disk; no part of it was given out.",
        "Restore the file from a backup and look at the integrity.fail receipt.";
    ObjectGone, "ST-502", "the sealed object is gone",
        "The catalogue knows the object but its file is absent.",
        "Restore the file from a backup and look at the integrity.fail receipt.";
    KeyRefused, "ST-503", "the object's key was not opened",
        "The keeper did not open the data key of this object.",
        "Look at the keeper and at this zone's flow `key-open`; a shredded key stays shut.";

    SegmentMalformed, "ST-601", "the body is not a sealed segment",
        "The content type announced a segment but its header is not one.",
        "Send the segment file as the spool wrote it.";
    SegmentTruncated, "ST-602", "the segment ends inside a record",
        "The last record is incomplete; nothing was kept.",
        "Send the segment again from the spool.";
    SegmentAltered, "ST-603", "the segment was altered",
        "A record does not carry its own seal; nothing was kept.",
        "Send the segment again; if its file is damaged it goes to the dead letters.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_enum_and_the_table_agree() {
        assert_eq!(Code::ALL.len(), CODES.len());
        for (code, entry) in Code::ALL.iter().zip(CODES) {
            assert_eq!(code.as_str(), entry.code);
        }
    }

    #[test]
    fn every_code_is_unique_and_says_what_it_means_and_how_to_mend_it() {
        let unique: BTreeSet<_> = CODES.iter().map(|entry| entry.code).collect();
        assert_eq!(unique.len(), CODES.len());
        for entry in CODES {
            assert!(
                entry.code.starts_with("ST-") && entry.code.len() == 6,
                "{}",
                entry.code
            );
            assert!(
                !entry.title.is_empty() && entry.meaning.ends_with('.'),
                "{}",
                entry.code
            );
            assert!(entry.mend.ends_with('.'), "{}", entry.code);
        }
    }
}
