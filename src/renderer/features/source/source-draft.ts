/** A way to a source as it is being typed: kept while the operator looks elsewhere, saved when it is read. */
import { create } from 'zustand';
import { NO_WAY } from '../../../contract/no-way';
import type { SourcePlace, SourceServer, SourceWay } from '../../../contract/source-ways';
import { isLoopback } from '../../format/address';
import { perform } from '../../hooks/use-call';
import { currentState, useAppState } from '../../stores/app-state';
import { goTo } from '../../stores/route';

/** What the form is for: the only source, one more, or one of several by its slot. */
export type Aim = 'only' | 'add' | number;

interface Held {
  /** The workspace it belongs to. */
  readonly of: string | null;
  readonly aim: Aim;
  readonly way: SourceWay | null;
  /** Somebody tried to use it: what is missing is named from then on. */
  readonly tried: boolean;
}

const held = create<Held>(() => ({ of: null, aim: 'only', way: null, tried: false }));

/** Where each server's data may lie, the likeliest first. */
export const PLACES_OF: Readonly<Record<SourceServer, readonly SourcePlace[]>> = {
  micromdm: ['file', 'ssh', 'server'],
  nanomdm: ['mysql', 'postgres', 'folder', 'ssh'],
  csv: ['file'],
};

function savedWay(aim: Aim, ways: readonly SourceWay[]): SourceWay {
  if (aim === 'only') return (ways.length === 1 ? ways[0] : undefined) ?? NO_WAY;
  if (aim === 'add') {
    const taken = new Set(ways.map(({ slot }) => slot));
    return { ...NO_WAY, slot: [1, 2, 3, 4, 5, 6].find((slot) => !taken.has(slot)) ?? 6 };
  }
  return ways.find(({ slot }) => slot === aim) ?? NO_WAY;
}

/** For whoever has to know that something was typed. */
export const typedWays = { subscribe: held.subscribe, getState: held.getState };

export function wayNow(aim: Aim): SourceWay {
  const { of, way, aim: mine } = held.getState();
  const workspace = currentState()?.workspace ?? null;
  const typed = way !== null && of === (workspace?.path ?? null) && mine === aim;
  return typed ? way : savedWay(aim, workspace?.settings.source.ways ?? []);
}

export function useWayDraft(aim: Aim): { readonly way: SourceWay; readonly tried: boolean } {
  const { aim: mine, tried } = held();
  useAppState((state) => state.workspace);
  return { way: wayNow(aim), tried: tried && mine === aim };
}

function setWay(aim: Aim, way: SourceWay, tried = held.getState().tried && held.getState().aim === aim): void {
  held.setState({ of: currentState()?.workspace?.path ?? null, aim, way, tried });
}

export function changeWay(aim: Aim, part: Partial<SourceWay>): void {
  setWay(aim, { ...wayNow(aim), ...part });
}

export function changeDatabase(aim: Aim, part: Partial<SourceWay['database']>): void {
  changeWay(aim, { database: { ...wayNow(aim).database, ...part } });
}

export function changeSsh(aim: Aim, part: Partial<SourceWay['ssh']>): void {
  changeWay(aim, { ssh: { ...wayNow(aim).ssh, ...part } });
}

export function changeBeside(aim: Aim, part: Partial<SourceWay['beside']>): void {
  changeWay(aim, { beside: { ...wayNow(aim).beside, ...part } });
}

export function chooseServer(aim: Aim, server: SourceServer): void {
  const { place } = wayNow(aim);
  const places = PLACES_OF[server];
  changeWay(aim, { server, place: places.includes(place) ? place : (places[0] ?? 'file') });
}

/** Fills in a way that was found by dropping or choosing a file. */
export function takeWay(aim: Aim, { server, place, path }: SourceWay): void {
  setWay(aim, { ...wayNow(aim), server, place, path }, false);
}

export type WayProblems = Readonly<
  Partial<
    Record<
      'path' | 'url' | 'pin' | 'host' | 'user' | 'name' | 'tls' | 'sshHost' | 'sshUser' | 'scepCaKey' | 'pushKey',
      string
    >
  >
>;

/** What is wrong with it, by field; empty when it can be used. */
export function wayProblems(way: SourceWay): WayProblems {
  const { server, place, path, url, pinSha256, database, ssh, beside } = way;
  const problems: Partial<Record<keyof WayProblems, string>> = {};
  const isDatabase = place === 'mysql' || place === 'postgres';
  if (place === 'file' && path.trim() === '')
    problems.path = server === 'csv' ? 'Choose the table.' : 'Choose the database file.';
  if (place === 'folder' && path.trim() === '') problems.path = 'Choose the folder.';
  if (place === 'ssh' && !path.trim().startsWith('/')) problems.path = 'Write its whole path on the server, from /.';
  if (place === 'server') {
    const wrong = urlProblem(url);
    if (wrong !== null) problems.url = wrong;
    if (pinProblem(pinSha256) !== null) problems.pin = pinProblem(pinSha256) ?? '';
  }
  if (isDatabase) {
    const wrong = hostProblem(database.host, 'Name the server the database runs on.');
    if (wrong !== null) problems.host = wrong;
    if (database.user.trim() === '') problems.user = 'Name the account.';
    if (database.name.trim() === '') problems.name = 'Name NanoMDM’s database.';
    const isOpen = database.tls === 'disabled' && !database.via && !isLoopback(database.host);
    if (isOpen && !database.plaintextConfirmed) problems.tls = 'Confirm first that it may be unencrypted.';
  }
  if (place === 'ssh' || (isDatabase && database.via)) {
    const wrong = hostProblem(ssh.host, 'Name the SSH server.');
    if (wrong !== null) problems.sshHost = wrong;
    if (ssh.user.trim() === '') problems.sshUser = 'Name the user to log in as.';
  }
  if (server !== 'micromdm') {
    if ((beside.scepCa.trim() === '') !== (beside.scepCaKey.trim() === ''))
      problems.scepCaKey = 'A CA needs both: its certificate and its key.';
    if ((beside.pushCertificate.trim() === '') !== (beside.pushKey.trim() === ''))
      problems.pushKey = 'A push certificate needs both: the certificate and its key.';
  }
  return problems;
}

function hostProblem(host: string, missing: string): string | null {
  if (host.trim() === '') return missing;
  return /[\s/@]/.test(host.trim()) ? 'Only a host name or an address, without anything around it.' : null;
}

function urlProblem(url: string): string | null {
  if (url.trim() === '') return 'Type the address of the MicroMDM server.';
  let parsed: URL;
  try {
    parsed = new URL(url.trim());
  } catch {
    return 'Write it as https://mdm.example.org.';
  }
  if (parsed.protocol !== 'https:') return 'Only https:// is read from: the database holds private keys.';
  if (parsed.username !== '' || parsed.password !== '')
    return 'Leave the user and password out; the API key has its own field.';
  return null;
}

export function pinProblem(pin: string): string | null {
  const bare = pin.replace(/[\s:]/g, '');
  return bare === '' || /^[0-9a-f]{64}$/i.test(bare) ? null : 'A SHA-256 fingerprint has 64 hex digits.';
}

/** What reading it is called, on the form's button and in the top bar. */
export function readingOf({ server, place }: SourceWay): string {
  if (server === 'csv') return 'Read the table';
  if (place === 'file') return 'Read this file';
  if (place === 'folder') return 'Read this folder';
  return place === 'mysql' || place === 'postgres' ? 'Read from this database' : 'Read from this server';
}

/** Reads what is typed; what is missing is named in the form instead. */
export async function readWay(aim: Aim): Promise<void> {
  const way = wayNow(aim);
  const problems = Object.keys(wayProblems(way)).length > 0;
  setWay(aim, way, problems);
  if (problems) return;
  const pinSha256 = way.pinSha256.replace(/[\s:]/g, '').toLowerCase();
  const begun = await perform('source', 'source.use', { way: { ...way, pinSha256 }, alone: aim === 'only' });
  if (begun === null) return;
  // What was typed is in the settings now; the screen shows how the reading goes.
  held.setState({ way: null, tried: false });
  goTo('source', '');
}
