/** What the inspector finds. Plain data without any secret: it may cross to the window as it is. */

/** What something is. */
export type Kind =
  | 'certificate'
  | 'key'
  | 'public-key'
  | 'request'
  | 'bundle'
  | 'push-request'
  | 'profile'
  | 'abm-token'
  | 'message'
  | 'database'
  | 'revocation-list'
  | 'unknown';

/** What something is for. */
export type Role =
  | 'push-certificate'
  | 'scep-ca'
  | 'ca'
  | 'identity'
  | 'tls-server'
  | 'abm'
  | 'mdm-vendor'
  | 'enrollment-profile'
  | 'unknown';

export type ProblemSeverity = 'error' | 'warning' | 'info';

/** Something to know about one item. */
export interface Problem {
  /** Stable, lower-case with dashes: `topic-missing`. */
  readonly code: string;
  readonly severity: ProblemSeverity;
  /** What is the case, as a sentence. */
  readonly sentence: string;
  /** What to do, as a sentence. */
  readonly remedy: string;
}

/** Where something lies. */
export interface Place {
  /** The file as it was named (below a folder: the folder's name, a slash, and the rest). */
  readonly file: string;
  /** Where in the file: `block 2`, `payload 1 (com.apple.security.pkcs12), key`; empty when it is the whole file. */
  readonly path: string;
}

/** How far a certificate's chain goes in the files at hand. */
export interface Chain {
  /**
   * `self-signed`: its own issuer. `complete`: up to a self-signed one. `incomplete`: an issuer is not at hand.
   * `broken`: a certificate of the issuer's name is at hand, but it did not sign this.
   */
  readonly state: 'self-signed' | 'complete' | 'incomplete' | 'broken';
  /** Indexes from the certificate itself up, every signature proven. */
  readonly path: readonly number[];
}

/** Facts that only some kinds have, by stable names. */
export type Facts = Readonly<Record<string, string | number | boolean | readonly string[] | null>>;

/** One thing found. Times are milliseconds since the epoch; what a kind does not have is null. */
export interface Item extends Place {
  /** Its place in the list; groups and links use it. */
  readonly index: number;
  /** Further places where the same was found. */
  readonly alsoIn: readonly Place[];
  /** Index of the bundle, profile or database it lies in. */
  readonly parent: number | null;
  readonly kind: Kind;
  readonly role: Role;
  /** RFC 2253-like, most specific first. */
  readonly subject: string | null;
  readonly issuer: string | null;
  /** As OpenSSL prints it: upper-case hex, two digits an octet. */
  readonly serial: string | null;
  readonly notBefore: number | null;
  readonly notAfter: number | null;
  /**
   * Lower-case hex. Of the DER for certificates, requests and revocation lists; of the SubjectPublicKeyInfo for keys, so
   * that it says nothing of the private half; of the bytes for everything else.
   */
  readonly sha256: string;
  /** Null for a database. */
  readonly sha1: string | null;
  /** SHA-256 of the SubjectPublicKeyInfo: equal for all that belongs together. */
  readonly publicKeySha256: string | null;
  readonly keyType: string | null;
  readonly keyBits: number | null;
  /** APNs topic of a push certificate, or of an enrollment profile. */
  readonly topic: string | null;
  /** Which APNs servers a push certificate is for. */
  readonly environment: 'production' | 'development' | null;
  readonly sans: readonly string[];
  readonly isCa: boolean;
  readonly keyUsage: readonly string[];
  readonly extendedKeyUsage: readonly string[];
  /** Lower-case hex. */
  readonly subjectKeyId: string | null;
  readonly authorityKeyId: string | null;
  readonly signatureAlgorithm: string | null;
  readonly chain: Chain | null;
  /** It was (or still is) encrypted by a password, or for a recipient. */
  readonly encrypted: boolean;
  /** It could not be opened, for want of a password or key. */
  readonly locked: boolean;
  readonly facts: Facts;
  readonly problems: readonly Problem[];
}

/** A certificate and one at hand that issued it, proven by signature. */
export interface IssuerLink {
  readonly certificate: number;
  readonly issuer: number;
}

/** A file below a folder that is nothing we know. */
export interface SkippedFile {
  readonly file: string;
  readonly code: string;
}
