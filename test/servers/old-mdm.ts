/** A stand-in for MicroMDM, or by its paths for another server: it knows one certificate of each device, answers messages, and pushes through its API. */
import type { KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { MICROMDM_PATHS, signerOf, valueOf, type DevicePaths } from '../mdm-device';
import type { Heard } from './fleet-mdm';

export class OldMdm {
  readonly heard: Heard[] = [];
  /** What is not a device's message: method and path. */
  readonly other: string[] = [];
  /** SHA-256 of the certificate each device is bound to. */
  readonly certificates = new Map<string, string>();
  /** Who was pushed through the API. */
  readonly pushed: string[] = [];
  onPush: (udid: string) => void = () => undefined;
  readonly apiKey = 'api-key-of-the-stand-in';
  port = 0;
  readonly #server: Server;

  constructor(caKey: KeyObject, paths: DevicePaths = MICROMDM_PATHS) {
    this.#server = createServer({ maxHeaderSize: 65_536 }, (request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        const path = (request.url ?? '').split('?')[0] ?? '';
        const body = Buffer.concat(pieces);
        const end = (status: number, text = ''): void => {
          response.statusCode = status;
          response.end(text);
        };
        if (path === paths.connect || path === paths.checkIn) {
          const udid = valueOf(body, 'UDID') ?? '';
          const header = request.headers['mdm-signature'];
          const signer = signerOf(body, typeof header === 'string' ? header : undefined, caKey);
          const refused =
            'refused' in signer
              ? signer.refused
              : this.certificates.get(udid) === signer.sha256
                ? null
                : 'device cert hash mismatch';
          this.heard.push({ udid, path, status: refused === null ? 200 : 500, refused });
          end(refused === null ? 200 : 500);
          return;
        }
        if (path === '/version') {
          end(200, '{"version":"1.13.1"}');
          return;
        }
        this.other.push(`${request.method ?? ''} ${path}`);
        const pushed = /^\/push\/(.+)$/.exec(path)?.[1];
        if (pushed === undefined) {
          end(404);
          return;
        }
        if (request.headers.authorization !== `Basic ${Buffer.from(`micromdm:${this.apiKey}`).toString('base64')}`) {
          end(401, '{"error":"Unauthorized"}');
          return;
        }
        const udid = decodeURIComponent(pushed);
        this.pushed.push(udid);
        this.onPush(udid);
        end(200, '{"status":"success","push_notification_id":"x"}');
      });
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
