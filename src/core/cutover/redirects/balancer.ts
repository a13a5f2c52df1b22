/** What every load balancer's file in this folder provides. */
import type { RedirectMode, RedirectPlan } from './route';

export interface Balancer {
  /** As typed after `--for`. */
  readonly name: string;
  readonly title: string;
  /** What the text is, for the file's ending. */
  readonly ending: 'cfg' | 'conf' | 'Caddyfile' | 'yml' | 'json' | 'tf' | 'js';
  /** How its requests can be led to Fleet without changing their method. */
  readonly modes: readonly RedirectMode[];
  /** `run`: our tests run the real server with it. `schema`: checked against the documented shape, never run by us. */
  readonly proof: 'run' | 'schema';
  /** What the operator must know and no line of the configuration can say. */
  readonly notes: readonly string[];
  /** The whole configuration. */
  write(plan: RedirectPlan): string;
}

/** The lines every configuration begins with, behind its language's own mark of a comment. */
export function heading(plan: RedirectPlan, title: string, mark: string): string {
  const { host, mode, phase, old, fleet } = plan;
  return [
    `${title}: ${host} leads to Fleet.`,
    '',
    `Devices keep calling ${host} for as long as they are enrolled; nobody can tell them another name.`,
    'So this stays, with the name and a certificate they trust, until the last of them is gone.',
    mode === 'rewrite'
      ? 'Requests are passed on under Fleet’s path: method, body and Mdm-Signature arrive as they were sent.'
      : 'Requests are answered with 307: devices call again at Fleet, with the same method and body.',
    phase === 'cutover'
      ? `The old server still answers what is not MDM (${old.host}).`
      : 'The old server is gone: what was its own is answered with 410.',
    `Fleet: ${fleet.host}${fleet.prefix}`,
  ]
    .map((line) => `${mark} ${line}`.trimEnd())
    .join('\n');
}

/** Longest request header passed on, bytes: Mdm-Signature has up to 12 KB, and Apple’s grow. */
export const HEADER_BYTES = 32_768;
/** Largest body passed on, bytes: inventories of busy Macs have been seen at several MB. */
export const BODY_BYTES = 20 * 1_048_576;
/** Seconds after which an enrollment may be tried again. */
export const RETRY_AFTER = 3600;
