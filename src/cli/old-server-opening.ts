/** The old server's API for a command: options to engine. */
import { oldServerKindOf, openOldServer, type OldServer } from '../core/commands/old-server';
import { parsePlace } from '../core/commands/web-call';
import { misused } from '../core/failure';
import { parseSource } from '../core/sources';
import { secretFrom } from './secret-input';

/** Options of every command that sends through the old server. */
export interface OldServerOptions {
  readonly oldUrl?: string;
  readonly apiKeyFile?: string;
  readonly sourceCaFile?: string;
  readonly allowPlainHttp?: boolean;
  /** What kind of server it is, where the source does not say. */
  readonly oldServer?: string;
}

/**
 * The old server named by --old-url, else by a source that is its own URL.
 * @param kind what kind it is, where no source tells
 * @throws FailureError `usage/old-url-missing`, `usage/api-key-missing`, `usage/old-server-kind`, and what `parsePlace` throws
 */
export function oldServerFrom(
  options: OldServerOptions,
  source: string | null,
  kind: string | null = null,
): { server: OldServer; host: string } {
  const reference = source === null ? null : parseSource(source);
  const url = options.oldUrl ?? (reference?.transport === 'http' ? reference.location : undefined);
  if (url === undefined)
    misused(
      'usage/old-url-missing',
      'Where the old server’s API is, is not said.',
      'Add --old-url https://HOST, as the server was started with.',
    );
  const key = secretFrom('API key', options.apiKeyFile, 'SLIPWAY_API_KEY');
  if (key === null)
    misused(
      'usage/api-key-missing',
      'Sending through the old server needs its API key.',
      'Give it in a file (--api-key-file) or in SLIPWAY_API_KEY.',
    );
  const place = {
    who: 'The old server',
    url,
    caFile: options.sourceCaFile ?? null,
    plainConfirmed: options.allowPlainHttp ?? false,
  };
  const server = openOldServer(oldServerKindOf(options.oldServer ?? kind, reference?.kind ?? null), place, key);
  return { server, host: parsePlace(place).host };
}
