/** What the operator types about a server to read from: kept while they look elsewhere, saved when it is used. */
import { create } from 'zustand';
import type { Settings } from '../../../contract/state';
import { perform } from '../../hooks/use-call';
import { currentState } from '../../stores/app-state';

export interface SourceDraft {
  readonly url: string;
  readonly caFile: string;
  readonly pinSha256: string;
}

interface Held {
  /** The workspace it belongs to. */
  readonly of: string | null;
  readonly draft: SourceDraft | null;
}

const held = create<Held>(() => ({ of: null, draft: null }));
const SERVER = 'micromdm:https://';

function savedDraft(settings: Settings | undefined): SourceDraft {
  const { reference = '', caFile = '', pinSha256 = '' } = settings?.source ?? {};
  return { url: reference.startsWith(SERVER) ? reference.slice('micromdm:'.length) : '', caFile, pinSha256 };
}

function draftNow({ of, draft }: Held): SourceDraft {
  const workspace = currentState()?.workspace ?? null;
  return draft !== null && of === (workspace?.path ?? null) ? draft : savedDraft(workspace?.settings);
}

export function useSourceDraft(): SourceDraft {
  const kept = held();
  return draftNow(kept);
}

export function changeSourceDraft(part: Partial<SourceDraft>): void {
  held.setState((before) => ({
    of: currentState()?.workspace?.path ?? null,
    draft: { ...draftNow(before), ...part },
  }));
}

/** What is wrong with it, for its field; null when it can be used. */
export function urlProblem(url: string): string | null {
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

/** Saves how the server is trusted, then reads from it. */
export async function readFromServer(): Promise<void> {
  const { url, caFile, pinSha256 } = draftNow(held.getState());
  const reference = `micromdm:${url.trim()}`;
  const saved = await perform('source', 'workspace.save', {
    source: {
      reference,
      caFile: caFile.trim(),
      pinSha256: pinSha256.replace(/[\s:]/g, '').toLowerCase(),
      salvage: false,
    },
  });
  if (saved !== null) await perform('source', 'source.read', { reference });
}
