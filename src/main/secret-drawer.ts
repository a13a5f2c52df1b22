/**
 * Secrets the operator typed: in memory while the workspace is open, and on disk only where the system's keychain
 * encrypts them and only when that was asked for. What goes in never comes back to the window.
 */
import { safeStorage } from 'electron';
import { z } from 'zod';
import { SECRET_KINDS, secretKind, type AppState, type SecretKind } from '../contract/state';
import { appFolders } from './app-folders';
import { readIfThere, replacePrivate } from './private-file';

const NOT_ASKED = 'Whether this machine can keep secrets has not been asked yet.';

const remembered = z.partialRecord(secretKind, z.string());

export class SecretDrawer {
  readonly #values = new Map<SecretKind, string>();
  /** Encrypted, base64; what is in it also lies on disk. */
  #kept: z.infer<typeof remembered> = {};
  #workspaceId: string | null = null;
  #cannotRemember: string | null = NOT_ASKED;

  /** Asks the system whether it can keep secrets; on some systems that asks the operator too. */
  async look(): Promise<void> {
    this.#cannotRemember = await whyNotRemember();
  }

  /** Opens the drawer of a workspace, with what was remembered for it. */
  async open(workspaceId: string): Promise<void> {
    this.close();
    this.#workspaceId = workspaceId;
    await this.look();
    if (this.#cannotRemember !== null) return;
    try {
      const parsed = remembered.safeParse(JSON.parse((await readIfThere(appFolders.secretsOf(workspaceId))) ?? '{}'));
      this.#kept = parsed.success ? parsed.data : {};
    } catch {
      // A file that cannot be read holds nothing that could be used; the operator is asked again.
      this.#kept = {};
    }
    for (const kind of SECRET_KINDS) {
      const kept = this.#kept[kind];
      if (kept === undefined) continue;
      try {
        this.#values.set(kind, (await safeStorage.decryptStringAsync(Buffer.from(kept, 'base64'))).result);
      } catch {
        // Encrypted by another account or machine.
        this.#kept = without(this.#kept, kind);
      }
    }
  }

  /** Forgets what is in memory; what is remembered stays on disk. */
  close(): void {
    this.#values.clear();
    this.#kept = {};
    this.#workspaceId = null;
  }

  get(kind: SecretKind): string | null {
    return this.#values.get(kind) ?? null;
  }

  /** @returns whether it was remembered */
  async set(kind: SecretKind, value: string, remember: boolean): Promise<boolean> {
    this.#values.set(kind, value);
    const keep = remember && this.#workspaceId !== null && this.#cannotRemember === null;
    // One that was remembered before must not outlive the one that replaced it.
    this.#kept = keep
      ? { ...this.#kept, [kind]: (await safeStorage.encryptStringAsync(value)).toString('base64') }
      : without(this.#kept, kind);
    await this.#write();
    return keep;
  }

  async forget(kind: SecretKind): Promise<void> {
    this.#values.delete(kind);
    this.#kept = without(this.#kept, kind);
    await this.#write();
  }

  /** What the window may know. */
  summary(): AppState['secrets'] {
    return {
      held: SECRET_KINDS.filter((kind) => this.#values.has(kind)),
      remembered: SECRET_KINDS.filter((kind) => this.#kept[kind] !== undefined),
      cannotRemember: this.#cannotRemember,
    };
  }

  async #write(): Promise<void> {
    if (this.#workspaceId === null) return;
    const path = appFolders.secretsOf(this.#workspaceId);
    if (Object.keys(this.#kept).length === 0 && (await readIfThere(path)) === null) return;
    await replacePrivate(path, JSON.stringify(this.#kept));
  }
}

/** Null when this machine can keep secrets; else why it cannot, for people. */
async function whyNotRemember(): Promise<string | null> {
  if (!(await safeStorage.isAsyncEncryptionAvailable())) {
    return 'This machine offers no keychain to Slipway, so secrets are kept in memory only and asked for again next time.';
  }
  // Linux without a keyring: Chromium then "encrypts" with a key that is the same everywhere.
  if (process.platform === 'linux' && safeStorage.getSelectedStorageBackend() === 'basic_text') {
    return 'No keyring is running here, and without one a secret would lie on the disk all but readable. It is kept in memory only.';
  }
  return null;
}

function without(kept: z.infer<typeof remembered>, kind: SecretKind): z.infer<typeof remembered> {
  return Object.fromEntries(Object.entries(kept).filter(([name]) => name !== kind));
}
