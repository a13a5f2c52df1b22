/** Certificates, requests and keys that options name: PEM or DER files, small ones. */
import type { KeyObject } from 'node:crypto';
import { openCertificate, type Certificate } from '../core/certificates/der';
import { openPrivateKey } from '../core/certificates/key';
import { readCertificateBytes, readPem } from '../core/certificates/pem';
import { readRequest, type CertificateRequest } from '../core/certificates/request';
import { unreadable } from '../core/failure';
import { fileBytes } from './secret-input';

/**
 * Every certificate of a file.
 * @param what how to call it: `the old push certificate`.
 */
export function certificatesFrom(what: string, path: string): [Certificate, ...Certificate[]] {
  const [first, ...rest] = readCertificateBytes(fileBytes(what, path)).map((der) => openCertificate(der, what));
  if (!first)
    return unreadable(
      'certificate/not-there',
      `There is no certificate in ${path}.`,
      'Name a PEM or DER certificate.',
      {
        path,
      },
    );
  return [first, ...rest];
}

/** The certificate request of a file. */
export function requestFrom(path: string): CertificateRequest {
  const bytes = fileBytes('the certificate request', path);
  const block = readPem(bytes).find(({ label }) => label.endsWith('CERTIFICATE REQUEST'));
  const request = readRequest(block?.der ?? bytes);
  return (
    request ??
    unreadable('request/unreadable', `${path} is not a certificate request.`, 'Name a PKCS#10 request, PEM or DER.', {
      path,
    })
  );
}

/** The private key of a file, unencrypted. */
export function keyFrom(what: string, path: string): KeyObject {
  return openPrivateKey(fileBytes(what, path), what);
}
