/** A way to a source of which nothing was said yet; apart from its schema, so that the window need not carry one. */
import type { SourceWay } from './source-ways';

export const NO_WAY: SourceWay = {
  slot: 1,
  server: 'micromdm',
  place: 'file',
  path: '',
  url: '',
  database: {
    host: '',
    port: null,
    name: '',
    user: '',
    tls: 'verify-identity',
    plaintextConfirmed: false,
    via: false,
  },
  ssh: { host: '', port: null, user: '', keyFile: '', agent: true },
  caFile: '',
  pinSha256: '',
  beside: { scepDepot: '', scepCa: '', scepCaKey: '', pushCertificate: '', pushKey: '', profile: '' },
};
