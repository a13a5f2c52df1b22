/** Requests a minute, from one look to the next. */
import { useState } from 'react';

interface Traffic {
  readonly old: number;
  readonly fleet: number;
}

const MINUTE = 60_000;
/** Two looks closer than this say nothing about a minute. */
const LEAST = 3_000;

/** Null until two looks can be compared, and after a restart, which begins to count anew. */
function rateBetween(
  before: { readonly at: number; readonly traffic: Traffic } | null,
  now: { readonly at: number; readonly traffic: Traffic },
): Traffic | null {
  if (before === null || now.at - before.at < LEAST) return null;
  const old = now.traffic.old - before.traffic.old;
  const fleet = now.traffic.fleet - before.traffic.fleet;
  if (old < 0 || fleet < 0) return null;
  const minutes = (now.at - before.at) / MINUTE;
  return { old: Math.round(old / minutes), fleet: Math.round(fleet / minutes) };
}

export function useTrafficRate(traffic: Traffic | null, at: number | null): Traffic | null {
  const [held, hold] = useState<{ last: { at: number; traffic: Traffic } | null; rate: Traffic | null }>({
    last: null,
    rate: null,
  });
  if (traffic !== null && at !== null && (held.last === null || at - held.last.at >= LEAST)) {
    hold({ last: { at, traffic }, rate: rateBetween(held.last, { at, traffic }) });
  }
  return traffic === null ? null : held.rate;
}
