/** Which devices are shown and in which order, and the same as text: for the address, saved filters and links. */
import type { DeviceFilter } from '../../../contract/devices';

export const EVERY_DEVICE: DeviceFilter = {
  search: '',
  verdicts: [],
  actions: [],
  platforms: [],
  reasons: [],
  sources: [],
  states: [],
  attention: [],
  sort: 'name',
  descending: false,
};

const VERDICTS = ['ready', 'caution', 'blocked'] as const satisfies readonly DeviceFilter['verdicts'][number][];
const ACTIONS = [
  'insert',
  'refresh',
  'keep',
  'held',
  'blocked',
] as const satisfies readonly DeviceFilter['actions'][number][];
const STATES = [
  'not-imported',
  'waiting',
  'migrated',
  'stale',
  'lost',
  'unknown',
] as const satisfies readonly DeviceFilter['states'][number][];
const SORTS = [
  'name',
  'serial',
  'udid',
  'platform',
  'verdict',
  'action',
  'lastSeen',
  'certificateNotAfter',
  'state',
  'contactFleet',
] as const satisfies readonly DeviceFilter['sort'][];

/** `q=lab&verdict=caution,blocked&sort=-lastSeen`; what is as usual is left out, and the same filter is the same text. */
export function queryOf(filter: DeviceFilter): string {
  const query = new URLSearchParams();
  if (filter.search !== '') query.set('q', filter.search);
  const lists = {
    verdict: known(filter.verdicts, VERDICTS),
    action: known(filter.actions, ACTIONS),
    platform: filter.platforms,
    reason: filter.reasons,
    source: filter.sources,
    state: known(filter.states, STATES),
    attention: filter.attention,
  };
  for (const [name, values] of Object.entries(lists)) for (const value of values) query.append(name, value);
  if (filter.sort !== EVERY_DEVICE.sort || filter.descending) {
    query.set('sort', filter.descending ? `-${filter.sort}` : filter.sort);
  }
  return query.toString();
}

/** Reads such a text; what it does not know it leaves out. Values may also be joined by commas, as people write them. */
export function filterOf(text: string): DeviceFilter {
  const query = new URLSearchParams(text);
  const all = (name: string): string[] => [
    ...new Set(
      query
        .getAll(name)
        .flatMap((value) => value.split(','))
        .filter((value) => value !== ''),
    ),
  ];
  const sort = query.get('sort') ?? '';
  return {
    search: (query.get('q') ?? '').slice(0, 500),
    verdicts: known(all('verdict'), VERDICTS),
    actions: known(all('action'), ACTIONS),
    platforms: all('platform'),
    reasons: all('reason'),
    sources: all('source').slice(0, 20),
    states: known(all('state'), STATES),
    attention: all('attention').slice(0, 50),
    sort: known([sort.replace(/^-/, '')], SORTS)[0] ?? EVERY_DEVICE.sort,
    descending: sort.startsWith('-'),
  };
}

function known<T extends string>(values: readonly string[], allowed: readonly T[]): T[] {
  return allowed.filter((value) => values.includes(value));
}

/** Whether it shows less than everything. */
export function narrows(filter: DeviceFilter): boolean {
  const { search, verdicts, actions, platforms, reasons, sources, states, attention } = filter;
  return (
    search.trim() !== '' ||
    [verdicts, actions, platforms, reasons, sources, states, attention].some((list) => list.length > 0)
  );
}
