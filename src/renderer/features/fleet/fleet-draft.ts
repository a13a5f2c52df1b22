/** The connection as it is being typed: kept while the operator looks elsewhere, saved shortly after the last key. */
import { create } from 'zustand';
import type { ReplyFailure } from '../../../contract/reply';
import type { Settings } from '../../../contract/state';
import { call } from '../../bridge';
import { perform } from '../../hooks/use-call';
import { currentState } from '../../stores/app-state';

type FleetSettings = Settings['fleet'];

export interface FleetDraft extends Omit<FleetSettings, 'port'> {
  /** As typed. */
  readonly port: string;
}

interface Held {
  /** The workspace it belongs to. */
  readonly of: string | null;
  readonly draft: FleetDraft | null;
  /** Why it could not be saved. */
  readonly failure: ReplyFailure | null;
  /** Somebody tried to use it: what is missing is named from then on. */
  readonly tried: boolean;
}

const held = create<Held>(() => ({ of: null, draft: null, failure: null, tried: false }));

const UNSET: FleetDraft = {
  host: '',
  port: '3306',
  user: '',
  database: 'fleet',
  tls: 'verify-identity',
  caFile: '',
  plaintextConfirmed: false,
  url: '',
  urlCaFile: '',
};
const SAVE_AFTER = 500;
let timer: ReturnType<typeof setTimeout> | undefined;

function draftNow({ of, draft }: Held): FleetDraft {
  const workspace = currentState()?.workspace ?? null;
  if (draft !== null && of === (workspace?.path ?? null)) return draft;
  return workspace === null ? UNSET : { ...workspace.settings.fleet, port: String(workspace.settings.fleet.port) };
}

export function useFleetDraft(): Omit<Held, 'draft' | 'of'> & { readonly draft: FleetDraft } {
  const kept = held();
  return { draft: draftNow(kept), failure: kept.failure, tried: kept.tried };
}

export function changeFleetDraft(part: Partial<FleetDraft>): void {
  held.setState((before) => ({
    of: currentState()?.workspace?.path ?? null,
    draft: { ...draftNow(before), ...part },
  }));
  clearTimeout(timer);
  timer = setTimeout(() => void saveFleetDraft(), SAVE_AFTER);
}

export function portOf(text: string): number | null {
  const port = Number(text);
  return /^\d{1,5}$/.test(text.trim()) && port >= 1 && port <= 65_535 ? port : null;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i;

export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host.trim());
}

export type FleetProblems = Readonly<Partial<Record<'host' | 'port' | 'user' | 'database' | 'tls' | 'url', string>>>;

export function fleetProblems(draft: FleetDraft): FleetProblems {
  const problems: Partial<Record<keyof FleetProblems, string>> = {};
  if (draft.host.trim() === '') problems.host = 'Name the server MySQL runs on.';
  else if (/[\s/]/.test(draft.host.trim()))
    problems.host = 'Only a host name or an address, without mysql:// or spaces.';
  if (portOf(draft.port) === null) problems.port = 'A port is a number from 1 to 65,535.';
  if (draft.user.trim() === '') problems.user = 'Name the account.';
  if (draft.database.trim() === '') problems.database = 'Name Fleet’s database.';
  if (draft.tls === 'disabled' && !isLoopback(draft.host) && !draft.plaintextConfirmed) {
    problems.tls = 'Confirm first that it may be unencrypted.';
  }
  if (draft.url !== '' && !/^https:\/\/[^\s/]+/.test(draft.url))
    problems.url = 'Write it as https://fleet.example.org.';
  return problems;
}

/** Saves what is typed, as far as it can be saved. */
export async function saveFleetDraft(): Promise<boolean> {
  clearTimeout(timer);
  const now = held.getState();
  if (now.draft === null) return true;
  const draft = draftNow(now);
  const port = portOf(draft.port) ?? currentState()?.workspace?.settings.fleet.port ?? 3306;
  const reply = await call('workspace.save', {
    fleet: {
      ...draft,
      port,
      host: draft.host.trim(),
      user: draft.user.trim(),
      database: draft.database.trim(),
      url: draft.url.trim(),
    },
  });
  held.setState({ failure: reply.ok ? null : reply.failure });
  return reply.ok;
}

/** Saves and connects; what is missing is named in the form instead. */
export async function connectFleet(): Promise<void> {
  const problems = fleetProblems(draftNow(held.getState()));
  const { source, fleet } = currentState() ?? {};
  // The sample brings a pretend Fleet of its own, for which nothing has to be typed.
  const pretend = source?.sample === true && draftNow(held.getState()).host === '';
  held.setState({ tried: !pretend });
  if (!pretend && fleet == null && Object.keys(problems).length > 0) return;
  if (await saveFleetDraft()) await perform('fleet', 'fleet.connect', undefined);
}
