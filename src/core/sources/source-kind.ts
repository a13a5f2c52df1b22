/** What every kind of source offers. A new source is one file with one of these, and one line in the table. */
import type { OnProgress } from '../progress';
import type { Secret } from '../secret';
import type { ProfileCommands } from './micromdm/profile-commands';
import type { Snapshot } from './snapshot';

/** A source that has been named but not read. Holds no secret. */
export interface SourceReference {
  /** `micromdm`, … */
  readonly kind: string;
  /** How its kind reaches it: `file`, `http`, … */
  readonly transport: string;
  /** Absolute path or URL. */
  readonly location: string;
}

/** How to read a source. */
export interface ReadOptions {
  /** The clock, milliseconds since the epoch. */
  readonly at: number;
  /** Folder for private copies; needed where the source has to be downloaded. Made with mode 0700. */
  readonly folder?: string;
  readonly apiKey?: Secret;
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
  /** Everything after `kind:`. Throws usage failures; never repeats what may hold a password. */
  parse(location: string): SourceReference;
  read(reference: SourceReference, options: ReadOptions): Promise<Snapshot>;
  copy(reference: SourceReference, folder: string, options: Omit<ReadOptions, 'at' | 'folder'>): Promise<SourceCopy>;
  export(snapshot: Snapshot, folder: string): Promise<ExportedFile[]>;
  /** Profiles that were put on devices by command, from a local file; absent where the kind cannot tell. */
  readonly profileCommands?: (
    path: string,
    options: Pick<ReadOptions, 'at' | 'salvage' | 'onProgress'>,
  ) => Promise<ProfileCommands>;
}
