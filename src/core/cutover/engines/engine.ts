/**
 * What drives the split: something in front of both servers that leads each device by its UDID. One shape for all, so
 * that the waves know nothing of any of them.
 */
import type { z } from 'zod';
import type { Secret } from '../../secret';

/** How one instance stands. */
export interface InstanceRoutes {
  readonly name: string;
  /** UDIDs it leads to Fleet at this moment; null where it cannot be asked. */
  readonly running: ReadonlySet<string> | null;
  /** UDIDs it would lead to Fleet after a restart; null where that cannot be seen from here. */
  readonly stored: ReadonlySet<string> | null;
}

/** Something wrong about the routes, as a sentence with what to do. */
export interface RouteProblem {
  /** `instance-differs`, `stored-differs`, `not-readable`, `foreign-entry`. */
  readonly code: string;
  readonly instance: string;
  readonly sentence: string;
  readonly remedy: string;
}

/** Where devices go right now, as far as the engine can tell. */
export interface RouteReading {
  readonly instances: readonly InstanceRoutes[];
  /** What all instances agree on; null when they differ, or none can be asked. */
  readonly fleet: ReadonlySet<string> | null;
  readonly problems: readonly RouteProblem[];
  /** Requests led to each side since the instances started, over all of them; null where they do not count. */
  readonly traffic: { readonly old: number; readonly fleet: number } | null;
}

/** The operator's part in a change of routes, where there is one. */
export interface Hands {
  /**
   * Called where a map file must be carried to an instance by hand, before anything that runs is changed.
   * @returns the SHA-256 of the file as `sha256sum` gives it there, or null when it is not there yet
   */
  readonly copied?: (file: {
    instance: string;
    path: string;
    target: string;
    sha256: string;
  }) => Promise<string | null>;
}

/** A route engine, ready to be asked. */
export interface RouteEngine {
  /** True when what it does can be read back from it. */
  readonly readsBack: boolean;
  /** Asks every instance. One that cannot be reached is a problem in the reading, not a failure. */
  read(): Promise<RouteReading>;
  /**
   * Leads exactly these to Fleet, on every instance or on none: whatever fails is taken back where it was done.
   * @param before what was led to Fleet until now, for taking back where the engine cannot be asked
   * @throws wave/routes-unchanged-… when nothing changed, wave/routes-split when instances now differ
   */
  lead(fleet: ReadonlySet<string>, before: ReadonlySet<string>, hands?: Hands): Promise<RouteReading>;
}

/** Secrets an engine may need; given by the host, never saved with the settings. */
export interface EngineSecrets {
  readonly token?: Secret;
}

/** A kind of engine: one file in this folder, one line in its table. */
export interface EngineKind<S extends { readonly kind: string }> {
  readonly kind: S['kind'];
  readonly title: string;
  readonly settings: z.ZodType<S>;
  open(settings: S, secrets: EngineSecrets): RouteEngine;
}

/** Sums up readings of instances. */
export function readingOf(
  instances: readonly InstanceRoutes[],
  problems: readonly RouteProblem[],
  traffic: RouteReading['traffic'] = null,
): RouteReading {
  const [first, ...others] = instances;
  const found = [...problems];
  let fleet = first?.running ?? null;
  for (const other of others) {
    if (fleet === null || other.running === null) {
      fleet = null;
      continue;
    }
    const here = fleet;
    const there = other.running;
    const only = [...there].filter((udid) => !here.has(udid)).length;
    const missing = [...here].filter((udid) => !there.has(udid)).length;
    if (only + missing === 0) continue;
    found.push({
      code: 'instance-differs',
      instance: other.name,
      sentence: `${other.name} leads ${only} other device${only === 1 ? '' : 's'} to Fleet than ${first?.name ?? 'the first'}, and ${missing} not.`,
      remedy: 'Set the routes again: until then it is chance where these devices arrive.',
    });
    fleet = null;
  }
  return { instances, fleet, problems: found, traffic };
}
