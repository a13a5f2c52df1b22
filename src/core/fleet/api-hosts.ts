/** Hosts as Fleet's API lists them, and one host's details. Old and new names (team, fleet) are both understood. */
import { unreadable } from '../failure';
import { apiList, apiNumber, apiObject, apiText, apiTime, type ApiObject, type FleetApi } from './api-client';

/** One Apple host. */
export interface ApiHost {
  readonly id: number;
  /** The UDID of an Apple device. */
  readonly uuid: string;
  readonly serial: string | null;
  readonly name: string | null;
  readonly platform: string | null;
  /** Null: no team. */
  readonly teamId: number | null;
  readonly teamName: string | null;
  /** From orbit_version; null where the answer does not have it (lists of older Fleets). */
  readonly hasAgent: boolean | null;
  /** As sent. Says nothing about a migration: it is the same before and after. */
  readonly enrollmentStatus: string | null;
  /** Last report of osquery; no sign of MDM. */
  readonly detailAt: number | null;
}

/** What only the details of a host tell. */
export interface ApiHostDetail extends ApiHost {
  /** last_mdm_checked_in_at; null: Fleet sent null; undefined: this Fleet does not send it. */
  readonly checkedInAt: number | null | undefined;
}

/** The most of one page; without a number Fleet would send every host at once. */
const PAGE = 500;

const APPLE = new Set(['darwin', 'ios', 'ipados']);

/**
 * All Apple hosts, page by page, in the order of their ids. Pages follow each other by the last id; a Fleet that does
 * not know that gets page numbers.
 *
 * Throws `fleet/api-…` as {@link FleetApi.get}, `fleet/api-paging` when pages repeat themselves.
 */
export async function* listHosts(api: FleetApi, perPage = PAGE): AsyncGenerator<ApiHost[]> {
  let after: number | null = null;
  let page: number | null = null;
  for (;;) {
    const body = await api.get(
      ['/hosts'],
      // `after` stands in for a page number; some versions want page 0 with it.
      { order_key: 'id', order_direction: 'asc', per_page: perPage, after, page: page ?? (after === null ? 0 : null) },
      'list hosts',
    );
    const raw = apiList(body?.['hosts']);
    const ids = raw.flatMap((host) => apiNumber(host['id']) ?? []);
    const lowest = ids.length === 0 ? null : Math.min(...ids);
    const highest: number | null = ids.length === 0 ? after : Math.max(...ids);
    if (after !== null && lowest !== null && lowest <= after) {
      if (page !== null) {
        unreadable(
          'fleet/api-paging',
          'Fleet’s API sent a page of hosts again that it had sent before.',
          'Try again; if it stays, a proxy in between may answer from its memory.',
        );
      }
      // This Fleet did not look at `after`: go on by numbers, with the second page.
      page = 1;
      continue;
    }
    const apple = raw.flatMap((host) => hostOf(host) ?? []).filter(({ platform }) => APPLE.has(platform ?? ''));
    if (apple.length > 0) yield apple;
    if (raw.length < perPage) return;
    after = highest;
    if (page !== null) page += 1;
  }
}

/** One host by its id; null when Fleet has none. Throws as {@link FleetApi.get}. */
export async function fetchHost(api: FleetApi, id: number): Promise<ApiHostDetail | null> {
  const body = await api.get([`/hosts/${id}`], { exclude_software: 'true' }, 'read a host');
  const raw = apiObject(body?.['host']);
  const host = raw === null ? null : hostOf(raw);
  if (raw === null || host === null) return null;
  return {
    ...host,
    hasAgent: 'orbit_version' in raw ? apiText(raw['orbit_version']) !== null : host.hasAgent,
    checkedInAt: 'last_mdm_checked_in_at' in raw ? apiTime(raw['last_mdm_checked_in_at']) : undefined,
  };
}

function hostOf(raw: ApiObject): ApiHost | null {
  const id = apiNumber(raw['id']);
  const uuid = apiText(raw['uuid']);
  if (id === null || uuid === null) return null;
  const mdm = apiObject(raw['mdm']);
  return {
    id,
    uuid,
    serial: apiText(raw['hardware_serial']),
    name: apiText(raw['computer_name']) ?? apiText(raw['display_name']) ?? apiText(raw['hostname']),
    platform: apiText(raw['platform']),
    teamId: apiNumber(raw['team_id']) ?? apiNumber(raw['fleet_id']),
    teamName: apiText(raw['team_name']) ?? apiText(raw['fleet_name']),
    // Null in a list may only mean that lists do not carry it.
    hasAgent: apiText(raw['orbit_version']) !== null ? true : null,
    enrollmentStatus: apiText(mdm?.['enrollment_status']),
    detailAt: apiTime(raw['detail_updated_at']),
  };
}
