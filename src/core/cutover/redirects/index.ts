/** Load balancers a configuration can be written for: one file each in this folder, and one line here. */
import { misused, refused } from '../../failure';
import { APACHE } from './apache';
import { AWS_ALB, AWS_ALB_TERRAFORM } from './aws-alb';
import type { Balancer } from './balancer';
import { CADDY } from './caddy';
import { CLOUDFLARE, CLOUDFLARE_WORKER } from './cloudflare';
import { ENVOY } from './envoy';
import { HAPROXY } from './haproxy';
import { NGINX } from './nginx';
import { planRedirects, type RedirectMode, type RedirectPlan, type RedirectWish } from './route';
import { TRAEFIK } from './traefik';

export const BALANCERS: readonly Balancer[] = [
  HAPROXY,
  NGINX,
  APACHE,
  CADDY,
  TRAEFIK,
  ENVOY,
  AWS_ALB,
  AWS_ALB_TERRAFORM,
  CLOUDFLARE,
  CLOUDFLARE_WORKER,
];

/** A configuration, ready to be written to a file. It holds no secret. */
export interface RedirectConfiguration {
  readonly balancer: Balancer;
  readonly plan: RedirectPlan;
  readonly text: string;
}

/**
 * Writes the configuration that leads the old name to Fleet. Without a mode, the balancer's first is taken.
 * @throws usage/balancer, redirect/mode, and what planRedirects throws
 */
export function configureRedirects(
  name: string,
  wish: Omit<RedirectWish, 'mode'> & { readonly mode?: RedirectMode },
): RedirectConfiguration {
  const balancer = BALANCERS.find((one) => one.name === name);
  if (balancer === undefined)
    return misused(
      'usage/balancer',
      `«${name.slice(0, 60)}» is no load balancer known here.`,
      `Take one of ${BALANCERS.map((one) => one.name).join(', ')}.`,
    );
  const mode = wish.mode ?? balancer.modes[0] ?? 'rewrite';
  if (!balancer.modes.includes(mode))
    refused(
      'redirect/mode',
      mode === 'redirect'
        ? `${balancer.title} cannot redirect without the risk that a device calls again with another method.`
        : `${balancer.title} cannot pass requests on under another path.`,
      `Leave the mode out: it will ${balancer.modes[0] === 'rewrite' ? 'pass requests on' : 'redirect with 307'}.`,
    );
  const plan = planRedirects({ ...wish, mode });
  return { balancer, plan, text: balancer.write(plan) };
}
