/** The connection as it is being typed. */
import { create } from 'zustand';
import type { Settings } from '../../../contract/state';
import { isLoopback, portOf } from '../../format/address';
import { perform } from '../../hooks/use-call';
import { currentState } from '../../stores/app-state';
import { settingsDraft } from '../../stores/settings-draft';

type FleetSettings = Settings['fleet'];

export interface FleetDraft extends Omit<FleetSettings, 'port'> {
  /** As typed. */
  readonly port: string;
}

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
const fleet = settingsDraft<FleetDraft>(
  (saved) => (saved === undefined ? UNSET : { ...saved.fleet, port: String(saved.fleet.port) }),
  (draft, saved) => ({
    fleet: {
      ...draft,
      port: portOf(draft.port) ?? saved.fleet.port,
      host: draft.host.trim(),
      user: draft.user.trim(),
      database: draft.database.trim(),
      url: draft.url.trim(),
    },
  }),
);

/** Somebody tried to use it: what is missing is named from then on. */
const useTried = create(() => false);

export function useFleetDraft(): ReturnType<typeof fleet.use> & { readonly tried: boolean } {
  return { ...fleet.use(), tried: useTried() };
}

export const changeFleetDraft = fleet.change;

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
  return (await fleet.save()) === null;
}

/** Saves and connects; what is missing is named in the form instead. */
export async function connectFleet(): Promise<void> {
  const draft = fleet.now();
  const problems = fleetProblems(draft);
  const { source, fleet: connected } = currentState() ?? {};
  // The sample brings a pretend Fleet of its own, for which nothing has to be typed.
  const pretend = source?.sample === true && draft.host === '';
  useTried.setState(!pretend);
  if (!pretend && connected == null && Object.keys(problems).length > 0) return;
  if (await saveFleetDraft()) await perform('fleet', 'fleet.connect', undefined);
}
