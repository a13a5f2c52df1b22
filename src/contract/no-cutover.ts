/** Plain data, without the schemas beside it: the window takes it along as it is. */
import type { CutoverSettings } from './cutover';

/** Nothing is typed for the switch yet. */
export const NO_CUTOVER: CutoverSettings = {
  host: '',
  port: '',
  profile: '',
  oldUrl: '',
  balancer: 'haproxy',
  mode: 'rewrite',
  phase: 'cutover',
  certificateFile: '',
  keyFile: '',
  trustFile: '',
  targets: '',
  zone: '',
  issuer: '',
  validation: '',
  ttl: '',
  switchAt: null,
  places: '',
  instances: '',
  resolvers: '',
};
