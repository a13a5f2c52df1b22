/** The kinds of route engine: one file each in this folder, and one line here. */
import { z } from 'zod';
import type { EngineKind, EngineSecrets, RouteEngine } from './engine';
import { HAPROXY } from './haproxy';
import { MDMPROXY } from './mdmproxy';

const KINDS = { haproxy: HAPROXY, mdmproxy: MDMPROXY } as const;

type Kinds = typeof KINDS;
/** How an engine is reached. No secrets. */
export type EngineSettings = { [K in keyof Kinds]: z.infer<Kinds[K]['settings']> }[keyof Kinds];

const kinds = Object.values(KINDS) as readonly EngineKind<EngineSettings>[];

export const engineSettings: z.ZodType<EngineSettings> = z.union(kinds.map(({ settings }) => settings));

/** Opens the engine these settings are of. Asks nobody yet. */
export function openEngine(settings: EngineSettings, secrets: EngineSecrets = {}): RouteEngine {
  const kind = kinds.find((one) => one.kind === settings.kind);
  if (kind === undefined) throw new Error('settings of an engine that is not in the table');
  return kind.open(settings, secrets);
}

/** What people call it. */
export function engineTitle(settings: EngineSettings): string {
  return KINDS[settings.kind].title;
}
