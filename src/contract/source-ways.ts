/** How a source is reached, as the operator says it in the window. Main makes the source's reference of it. */
import { z } from 'zod';

/** So many sources may go into one migration. Each has a slot of its own, and its secrets with it. */
export const MOST_WAYS = 6;

/** What devices call today: MicroMDM, NanoMDM, or another server whose values lie in a table. */
const SERVERS = ['micromdm', 'nanomdm', 'csv'] as const;

/**
 * Where it lies: a file or a folder of this machine, MicroMDM's own `/boltbackup`, a database, or a file or folder of
 * another machine over SSH.
 */
const PLACES = ['file', 'folder', 'server', 'mysql', 'postgres', 'ssh'] as const;

/** Files and folders a source is asked for. */
export const SOURCE_FILES = [
  'table',
  'source-folder',
  'scep-depot',
  'certificate',
  'private-key',
  'enrollment-profile',
  'ssh-key',
] as const;

const text = z.string().max(4096);

export const sourceWay = z.object({
  slot: z.number().int().min(1).max(MOST_WAYS),
  server: z.enum(SERVERS),
  place: z.enum(PLACES),
  /** Of a file or folder, here or over SSH. */
  path: text,
  /** Of the running MicroMDM. */
  url: text,
  database: z.object({
    host: text,
    /** Null: the one that is usual for its kind. */
    port: z.number().int().min(1).max(65_535).nullable(),
    name: text,
    user: text,
    tls: z.enum(['verify-identity', 'verify-ca', 'disabled']),
    /** Typed confirmation that a connection to another machine may be unencrypted. */
    plaintextConfirmed: z.boolean(),
    /** Through the SSH server below. */
    via: z.boolean(),
  }),
  ssh: z.object({
    host: text,
    port: z.number().int().min(1).max(65_535).nullable(),
    user: text,
    /** Empty: none. */
    keyFile: text,
    /** Whether the agent of this session is asked. */
    agent: z.boolean(),
  }),
  /** Of a server over HTTPS or a database over TLS; empty: the system's CAs. */
  caFile: text,
  /** Of a server over HTTPS. */
  pinSha256: z.string().max(200),
  /** What belongs to it and lies elsewhere: paths, empty for none. */
  beside: z.object({
    scepDepot: text,
    scepCa: text,
    scepCaKey: text,
    pushCertificate: text,
    pushKey: text,
    profile: text,
  }),
});

export type SourceWay = z.infer<typeof sourceWay>;
export type SourceServer = SourceWay['server'];
export type SourcePlace = SourceWay['place'];
