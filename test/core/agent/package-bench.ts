/**
 * Packages as fleetctl makes them, by Debian's bsdtar (xar and cpio are its own), and signed with openssl; and a small xar writer
 * for what bsdtar does not write.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { debianPrograms, Unavailable } from '../../../scripts/debian.mjs';
import { OpensslBench } from '../inspector/openssl-bench';

const programs = await debianPrograms({
  name: 'libarchive',
  packages: ['libarchive-tools'],
  program: 'usr/bin/bsdtar',
  suite: 'bookworm',
}).catch((error: unknown) => {
  if (error instanceof Unavailable) return error.message;
  throw error;
});

/** Why there is no bsdtar, or false. With CI=true that is an error. */
export const noBsdtar = typeof programs === 'string' ? programs : false;
if (noBsdtar !== false && process.env['CI'] === 'true') throw new Error(`bsdtar cannot be run: ${noBsdtar}`);

export const DAEMON = 'Library/LaunchDaemons/com.fleetdm.orbit.plist';
export const SECRET = 'opt/orbit/secret.txt';

/** A launch daemon with these variables, as fleetctl's template lays it out. */
export function daemonOf(variables: Readonly<Record<string, string>>): string {
  const entries = Object.entries(variables).map(
    ([key, value]) => `\t\t<key>${key}</key>\n\t\t<string>${value}</string>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>EnvironmentVariables</key>
	<dict>
${entries.join('\n')}
	</dict>
	<key>Label</key>
	<string>com.fleetdm.orbit</string>
</dict>
</plist>
`;
}

const INFO =
  '<pkg-info format-version="2" identifier="com.fleetdm.orbit.base.pkg" version="1.36.0" install-location="/" auth="root">\n  <payload/>\n</pkg-info>\n';

export class PackageBench {
  readonly folder = mkdtempSync(join(tmpdir(), 'slipway-package-'));
  readonly openssl = new OpensslBench();

  constructor() {
    this.openssl.sh('genrsa -out installer.key 2048');
    this.openssl.selfSigned('installer', 'installer.key', '/CN=Developer ID Installer: Example (ABCDE12345)', 900);
  }

  close(): void {
    this.openssl.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  #bsdtar(cwd: string, ...args: string[]): Buffer {
    if (typeof programs === 'string') throw new Error(programs);
    const [command = '', ...before] = programs.commandOf('usr/bin/bsdtar');
    return execFileSync(command, [...before, ...args], { cwd, maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** A cpio archive of these files, by bsdtar. */
  cpio(files: Readonly<Record<string, string | Buffer>>, format = 'odc'): Buffer {
    const root = mkdtempSync(join(this.folder, 'root-'));
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), content);
    }
    return this.#bsdtar(root, '--format', format, '-cf', '-', '.');
  }

  /** A distribution package in a xar archive, by bsdtar. */
  build(name: string, payload: Buffer, compression = 'none', more: Readonly<Record<string, string>> = {}): string {
    const root = mkdtempSync(join(this.folder, 'flat-'));
    mkdirSync(join(root, 'base.pkg'));
    const files = { Distribution: '<installer-gui-script/>', 'base.pkg/PackageInfo': INFO, ...more };
    for (const [file, content] of Object.entries(files)) writeFileSync(join(root, file), content);
    writeFileSync(join(root, 'base.pkg', 'Payload'), payload);
    const out = this.path(name);
    this.#bsdtar(
      root,
      '--format',
      'xar',
      '--options',
      `xar:compression=${compression}`,
      '-cf',
      out,
      'Distribution',
      'base.pkg',
    );
    return out;
  }

  /** The same by a writer of our own, which can sign. `spoil`: the signature is over something else. */
  sign(
    name: string,
    files: Readonly<Record<string, Buffer>>,
    options: { spoil?: boolean; signer?: string } = {},
  ): string {
    const signer = options.signer ?? 'installer';
    const certificate = this.openssl.run('x509', '-in', `${signer}.pem`, '-outform', 'DER').toString('base64');
    const heap: Buffer[] = [];
    // Checksum (20 bytes) and signature (256) come first.
    let offset = 20 + 256;
    const entries = Object.entries(files).map(([file, content], index) => {
      heap.push(content);
      const at = offset;
      offset += content.length;
      const inner = (label: string): string =>
        `<file id="${index + 10}"><data><length>${content.length}</length><offset>${at}</offset><size>${content.length}</size><encoding style="application/octet-stream"/></data><type>file</type><name>${label}</name></file>`;
      const cut = file.indexOf('/');
      return cut < 0
        ? inner(file)
        : `<file id="${index + 50}"><type>directory</type><name>${file.slice(0, cut)}</name>${inner(file.slice(cut + 1))}</file>`;
    });
    const toc = `<?xml version="1.0" encoding="UTF-8"?>\n<xar><toc><checksum style="sha1"><offset>0</offset><size>20</size></checksum><signature style="RSA"><offset>20</offset><size>256</size><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>${certificate}</X509Certificate></X509Data></KeyInfo></signature>${entries.join('')}</toc></xar>`;
    const packed = deflateSync(toc);
    this.openssl.write('toc', options.spoil === true ? Buffer.concat([packed, Buffer.from('x')]) : packed);
    const signature = this.openssl.run('dgst', '-sha1', '-sign', `${signer}.key`, this.openssl.path('toc'));
    const header = Buffer.alloc(28);
    header.write('xar!', 'latin1');
    header.writeUInt16BE(28, 4);
    header.writeUInt16BE(1, 6);
    header.writeBigUInt64BE(BigInt(packed.length), 8);
    header.writeBigUInt64BE(BigInt(toc.length), 16);
    header.writeUInt32BE(1, 24);
    const out = this.path(name);
    writeFileSync(out, Buffer.concat([header, packed, createHash('sha1').update(packed).digest(), signature, ...heap]));
    return out;
  }

  /** A signed fleetd package. */
  fleetd(name: string, variables: Readonly<Record<string, string>>, secret: string | null, spoil = false): string {
    const payload = gzipSync(
      this.cpio({
        [DAEMON]: daemonOf(variables),
        ...(secret === null ? {} : { [SECRET]: secret }),
        'opt/orbit/bin/orbit/macos/stable/orbit': Buffer.alloc(200_000, 7),
      }),
    );
    return this.sign(
      name,
      {
        Distribution: Buffer.from('<installer-gui-script/>'),
        'base.pkg/PackageInfo': Buffer.from(INFO),
        'base.pkg/Payload': payload,
      },
      { spoil },
    );
  }

  read(path: string): Buffer {
    return readFileSync(path);
  }
}
