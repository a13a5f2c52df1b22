/**
 * Reads what Fleet's REST API says about the devices: hosts in pages, the newest commands, and the details of some hosts
 * in turn, since only details carry the last MDM contact (a request for each host, so never all of them at once).
 */
import { FailureError, type Failure } from '../failure';
import { foldId } from '../fleet/device-rows';
import type { FleetApi } from '../fleet/api-client';
import { isAnswered, listCommands } from '../fleet/api-commands';
import { fetchHost, listHosts, type ApiHost } from '../fleet/api-hosts';
import type { ApiEvidence, ApiHostEvidence } from './status';

export interface ApiReaderOptions {
  /** Hosts whose details are asked for in one reading. Default 60. */
  readonly details?: number;
  /** Readings between two lists of all hosts. Default 20. */
  readonly listEvery?: number;
  /** Pages of 500 commands looked at in one reading. Default 10. */
  readonly commandPages?: number;
}

export interface ApiReading {
  /** All hosts were listed. */
  readonly full: boolean;
  readonly requests: number;
  readonly hosts: number;
  /** What could not be asked: this token may not, or this Fleet does not have it. */
  readonly missing: readonly Failure[];
}

interface Known {
  host: ApiHostEvidence | null;
  name: string | null;
  checkedInAt: number | null | undefined;
  answeredAt: number | null;
}

/** Keeps what was learnt from one reading to the next. */
export class ApiReader {
  readonly #api: FleetApi;
  readonly #options: Required<ApiReaderOptions>;
  readonly #known = new Map<string, Known>();
  readonly #missing = new Map<string, Failure>();
  #readings = 0;
  #listed = false;
  #commandsAsked = false;
  /** The newest answer seen; what is older was seen before. */
  #newestAnswer = 0;
  #detailTurn = 0;

  constructor(api: FleetApi, options: ApiReaderOptions = {}) {
    this.#api = api;
    this.#options = { details: 60, listEvery: 20, commandPages: 10, ...options };
  }

  /**
   * Asks what may have changed. `wanted`: devices whose details are worth asking for, the silent ones.
   * @throws FailureError of the API; what was learnt before it stays
   */
  async read(wanted: readonly string[]): Promise<ApiReading> {
    const before = this.#api.asked;
    const full = !this.#listed || this.#readings % this.#options.listEvery === 0;
    if (full) await this.#readHosts();
    await this.#readCommands();
    await this.#readDetails(wanted);
    this.#readings += 1;
    return {
      full,
      requests: this.#api.asked - before,
      hosts: this.#known.size,
      missing: [...this.#missing.values()],
    };
  }

  /** What the API says about one device. */
  evidence(udid: string): ApiEvidence {
    const known = this.#known.get(foldId(udid));
    return {
      host: known === undefined ? (this.#listed ? null : undefined) : known.host,
      checkedInAt: known?.checkedInAt,
      answeredAt: this.#commandsAsked ? (known?.answeredAt ?? null) : undefined,
    };
  }

  /** Names of hosts, for devices that are known from Fleet only. */
  nameOf(udid: string): string | null {
    return this.#known.get(foldId(udid))?.name ?? null;
  }

  /** UDIDs of all hosts listed. */
  hosts(): string[] {
    return [...this.#known].filter(([, { host }]) => host !== null).map(([udid]) => udid);
  }

  async #readHosts(): Promise<void> {
    const found = new Set<string>();
    for await (const page of listHosts(this.#api)) {
      for (const host of page) {
        const key = foldId(host.uuid);
        const again = found.has(key);
        found.add(key);
        const known = this.#entry(key);
        known.host =
          again && known.host !== null ? { ...known.host, count: known.host.count + 1 } : evidenceOf(host, known);
        known.name = host.name;
      }
    }
    for (const [key, known] of this.#known) if (!found.has(key)) known.host = null;
    this.#listed = true;
  }

  async #readCommands(): Promise<void> {
    let newest = this.#newestAnswer;
    for (let page = 0; page < this.#options.commandPages; page += 1) {
      const commands = await this.#ifAllowed('commands', () => listCommands(this.#api, { page }));
      if (commands === null) return;
      let reached = commands.length < 500;
      for (const command of commands) {
        if (command.updatedAt === null) continue;
        // A minute is read again: answers come in while pages are turned.
        if (command.updatedAt < this.#newestAnswer - 60_000) reached = true;
        if (!isAnswered(command)) continue;
        newest = Math.max(newest, command.updatedAt);
        const known = this.#entry(foldId(command.udid));
        known.answeredAt = Math.max(known.answeredAt ?? 0, command.updatedAt);
      }
      if (reached) break;
    }
    this.#newestAnswer = newest;
    this.#commandsAsked = true;
  }

  async #readDetails(wanted: readonly string[]): Promise<void> {
    const ids = wanted.flatMap((udid) => {
      const key = foldId(udid);
      const id = this.#known.get(key)?.host?.id;
      return id === undefined ? [] : [{ key, id }];
    });
    if (ids.length === 0) return;
    const count = Math.min(ids.length, this.#options.details);
    for (let number = 0; number < count; number += 1) {
      const one = ids[(this.#detailTurn + number) % ids.length];
      if (one === undefined) break;
      const detail = await this.#ifAllowed('details', () => fetchHost(this.#api, one.id));
      if (detail === null) continue;
      const known = this.#entry(one.key);
      known.checkedInAt = detail.checkedInAt;
      known.host = { ...evidenceOf(detail, known), count: known.host?.count ?? 1 };
    }
    this.#detailTurn = (this.#detailTurn + count) % ids.length;
  }

  #entry(key: string): Known {
    let known = this.#known.get(key);
    if (known === undefined) {
      known = { host: null, name: null, checkedInAt: undefined, answeredAt: null };
      this.#known.set(key, known);
    }
    return known;
  }

  async #ifAllowed<T>(part: string, ask: () => Promise<T | null>): Promise<T | null> {
    if (this.#missing.has(part)) return null;
    try {
      const answer = await ask();
      return answer;
    } catch (error) {
      if (!(error instanceof FailureError) || error.failure.code !== 'fleet/api-forbidden') throw error;
      this.#missing.set(part, error.failure);
      return null;
    }
  }
}

function evidenceOf(host: ApiHost, known: Known): ApiHostEvidence {
  return {
    id: host.id,
    count: 1,
    // What details said once outweighs a list that does not say.
    hasAgent: host.hasAgent ?? known.host?.hasAgent ?? null,
    teamId: host.teamId,
    enrollmentStatus: host.enrollmentStatus,
    detailAt: host.detailAt,
  };
}
