/** What every kind of source offers. A new source is one file with one of these, and one line in the table. */
import type { OnProgress } from '../progress';
import type { Secret } from '../secret';
import type { SshCredentials } from '../ssh';
import type { Snapshot } from './snapshot';

export type { SshCredentials } from '../ssh';

/** A profile that was sent by command. */
export interface CommandedProfile {
  readonly identifier: string;
  readonly displayName: string | null;
  readonly signed: boolean;
  readonly payloadTypes: readonly string[];
  /** As it was sent last. */
  readonly body: Secret;
  /** UDIDs that answered an installation, with no removal answered since. */
  readonly installedOn: ReadonlySet<string>;
  /** UDIDs for which an installation, or a removal, still waits. */
  readonly waitingFor: ReadonlySet<string>;
  readonly leaving: ReadonlySet<string>;
  /** Different contents that were sent under this identifier. */
  readonly versions: number;
}

/** What the queue tells. */
export interface ProfileCommands {
  readonly profiles: readonly CommandedProfile[];
  /** False when the server keeps no queue on disk, or no history in it: then only what waits is known. */
  readonly hasHistory: boolean;
  /** InstallProfile commands whose profile could not be read. */
  readonly unreadable: number;
}

/** What became of one command for one enrollment. */
export interface CommandResult {
  /** As the source spells it. */
  readonly udid: string;
  readonly uuid: string;
  /**
   * `waiting`: not fetched, or not answered yet. `deferred`: NotNow, asked again. `done`, `refused`: the device’s own word.
   * `dropped`: taken out of the queue before it was answered.
   */
  readonly state: 'waiting' | 'deferred' | 'done' | 'refused' | 'dropped';
}

/** A source that has been named but not read. Holds no secret. */
export interface SourceReference {
  /** `micromdm`, … */
  readonly kind: string;
  /** How its kind reaches it: `file`, `http`, … */
  readonly transport: string;
  /** Absolute path or URL. */
  readonly location: string;
  /**
   * What belongs to it and lies elsewhere, by name: the SCEP depot of a NanoMDM, the jump host. Written after `#`.
   * Absolute paths and URLs, and the last number the SCEP CA has given out; never a secret.
   */
  readonly companions?: Companions;
}

/** Names of companions, as they are written: `#scep-depot=/var/lib/scep/depot&profile=/etc/enroll.mobileconfig`. */
export const COMPANIONS = [
  'scep-depot',
  'scep-ca',
  'scep-ca-key',
  'scep-last-serial',
  'push-certificate',
  'push-key',
  'profile',
  'via',
] as const;
export type Companion = (typeof COMPANIONS)[number];
export type Companions = Readonly<Partial<Record<Companion, string>>>;

/** How to read a source. */
export interface ReadOptions {
  /** The clock, milliseconds since the epoch. */
  readonly at: number;
  /** Folder for private copies; needed where the source has to be downloaded. Made with mode 0700. */
  readonly folder?: string;
  readonly apiKey?: Secret;
  /** Password of the account at the source's database. */
  readonly password?: Secret;
  /** Passphrase of the SCEP CA key that lies beside the source. */
  readonly keyPassphrase?: Secret;
  /** How the source's database proves who it is; the default verifies chain and name, on loopback it is `disabled`. */
  readonly tls?: 'verify-identity' | 'verify-ca' | 'disabled';
  /** Confirmed by name: this connection may be unencrypted although it leaves the machine. */
  readonly plaintextConfirmed?: boolean;
  /** How to log in where the source, or its database, is reached over SSH. */
  readonly ssh?: SshCredentials;
  /** PEM file with the CAs to trust instead of the system's. */
  readonly caFile?: string;
  /** SHA-256 fingerprint of the server's certificate. */
  readonly pinSha256?: string;
  /** Read on past damage. */
  readonly salvage?: boolean;
  /**
   * False: device certificates are read but not kept (`der` is null), which saves 1 KB of memory for each. Default true;
   * proving their issuers and writing rows needs them.
   */
  readonly keepCertificates?: boolean;
  /** True for a file that is a private copy, which nobody writes as long as what was read of it is used. */
  readonly privateCopy?: boolean;
  /** Of several sources: what counts for one of them before what is common, by its reference as it is printed. */
  readonly bySource?: ReadonlyMap<string, Partial<ReadOptions>>;
  readonly onProgress?: OnProgress;
  /** Bounds of a download: milliseconds and bytes. */
  readonly limits?: {
    readonly connectTimeout?: number;
    readonly idleTimeout?: number;
    readonly maxBytes?: number;
  };
}

/** A private copy of a source: mode 0600, complete, not to be changed any more. */
export interface SourceCopy {
  readonly path: string;
  /** Lower-case hex SHA-256 of the copy. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  /** Bolt's transaction id; null for sources that have none. */
  readonly txid: number | null;
  /** How often it was begun again because the source moved under it. */
  readonly retries: number;
}

/** A file written by an export. */
export interface ExportedFile {
  /** Path inside the export's folder, with `/`. */
  readonly name: string;
  readonly path: string;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

/** One kind of source. */
export interface SourceKind {
  readonly name: string;
  /** How it is written, for usage messages. */
  readonly forms: readonly string[];
  /** Companions it knows; none where a source is complete in itself. */
  readonly companions?: readonly Companion[];
  /** Everything between `kind:` and `#`. Throws usage failures; never repeats what may hold a password. */
  parse(location: string, companions: Companions): SourceReference;
  /** Captures are read before this is asked. */
  read(reference: SourceReference, options: ReadOptions): Promise<Snapshot>;
  /** Copies the source as it lies there; absent where a capture of its snapshot is the copy. */
  readonly copy?: (
    reference: SourceReference,
    folder: string,
    options: Omit<ReadOptions, 'at' | 'folder'>,
  ) => Promise<SourceCopy>;
  /**
   * Profiles that were put on devices by command; absent where the kind cannot tell.
   * @param copy path of a private copy, where one is at hand; it is asked instead of the source where it holds the queue
   */
  readonly profileCommands?: (
    reference: SourceReference,
    options: ReadOptions,
    copy: string | null,
  ) => Promise<ProfileCommands>;
  /**
   * What became of commands, by their UUIDs, as far as the source keeps it; absent where the kind cannot tell.
   */
  readonly commandResults?: (
    reference: SourceReference,
    options: ReadOptions,
    uuids: readonly string[],
  ) => Promise<readonly CommandResult[] | null>;
}
