/** Whether the name devices call can be pointed at Fleet. They never learn another one. */
import { isIP } from 'node:net';
import { wordsFor } from '../../sources/source-words';
import { hold, pass, warn, type Check } from './check';

/**
 * Names below these belong to somebody else: hosting and tunnel services, load balancers by their vendor's name,
 * dynamic DNS, and MicroMDM's own domain. Devices stay on the name for ever, so it must be the customer's.
 */
const VENDOR_DOMAINS = [
  'micromdm.io',
  // tunnels
  'ngrok.io',
  'ngrok.app',
  'ngrok.dev',
  'ngrok-free.app',
  'ngrok-free.dev',
  'ngrok.pizza',
  'trycloudflare.com',
  'cfargotunnel.com',
  'loca.lt',
  'localtunnel.me',
  'localhost.run',
  'lhr.life',
  'serveo.net',
  'pagekite.me',
  'ts.net',
  'devtunnels.ms',
  'pinggy.link',
  // cloud hosts and load balancers
  'amazonaws.com',
  'amazonaws.com.cn',
  'awsapprunner.com',
  'awsglobalaccelerator.com',
  'elasticbeanstalk.com',
  'cloudfront.net',
  'azure.com',
  'azurewebsites.net',
  'azurefd.net',
  'azureedge.net',
  'azurecontainer.io',
  'azurecontainerapps.io',
  'trafficmanager.net',
  'windows.net',
  'cloudapp.net',
  'appspot.com',
  'run.app',
  'cloudfunctions.net',
  'googleusercontent.com',
  'herokuapp.com',
  'herokudns.com',
  'fly.dev',
  'onrender.com',
  'railway.app',
  'ondigitalocean.app',
  'linodeusercontent.com',
  'nodebalancer.linode.com',
  'vultrusercontent.com',
  'oraclecloud.com',
  'workers.dev',
  'pages.dev',
  'vercel.app',
  'netlify.app',
  'your-server.de',
  'stackhero-network.com',
  // dynamic DNS and address-in-name services
  'duckdns.org',
  'ddns.net',
  'no-ip.org',
  'no-ip.biz',
  'no-ip.info',
  'hopto.org',
  'zapto.org',
  'sytes.net',
  'myftp.org',
  'dyndns.org',
  'dynu.net',
  'freeddns.org',
  'synology.me',
  'myfritz.net',
  'myqnapcloud.com',
  'nip.io',
  'sslip.io',
  'xip.io',
  'traefik.me',
];

/** Endings that mean nothing outside one network or one machine. */
const PRIVATE_ENDINGS = ['local', 'localhost', 'localdomain', 'invalid', 'test', 'example'];

const NAME_REMEDY =
  'If devices really enrolled by this name, they must be re-enrolled, or whoever owns the name must forward it to Fleet for as long as they are enrolled.';

/** What a host name is, as far as the name itself tells. */
export function judgeHost(host: string): {
  kind: 'own' | 'loopback' | 'address' | 'vendor' | 'private';
  owner?: string;
} {
  const name = host.toLowerCase().replace(/\.$/, '');
  const bare = name.replace(/^\[|\]$/g, '');
  if (name === 'localhost' || name.endsWith('.localhost') || /^127\./.test(bare) || bare === '::1')
    return { kind: 'loopback' };
  if (isIP(bare) !== 0) return { kind: 'address' };
  const owner = VENDOR_DOMAINS.find((domain) => name === domain || name.endsWith(`.${domain}`));
  if (owner !== undefined) return { kind: 'vendor', owner };
  const last = name.split('.').pop() ?? '';
  if (!name.includes('.') || PRIVATE_ENDINGS.includes(last)) return { kind: 'private' };
  return { kind: 'own' };
}

function hostOf(url: string | null): URL | null {
  if (url === null) return null;
  try {
    const parsed = new URL(url);
    return parsed.hostname === '' ? null : parsed;
  } catch {
    return null;
  }
}

export const SERVER_URL_CHECK: Check = {
  id: 'server-url',
  phase: 'source',
  title: 'The name devices call',
  needs: [],
  run({ snapshot }) {
    const profile = snapshot.enrollmentProfile;
    const server = hostOf(profile?.serverUrl ?? null);
    if (server === null) {
      return warn(
        'server-url-unknown',
        'The source does not tell which name devices call; it must be one you can point at Fleet, because devices keep it for ever.',
        wordsFor(snapshot.source.kind).namePlace,
      );
    }
    const host = server.hostname;
    const verdict = judgeHost(host);
    if (verdict.kind === 'loopback') {
      return hold(
        'server-url-loopback',
        `Devices were told to call ${host}, which is each device itself.`,
        'This looks like a test server’s profile. Check that the source is production’s.',
      );
    }
    if (verdict.kind === 'address') {
      return hold(
        'server-url-address',
        `Devices call the bare IP address ${host}; DNS cannot point them at Fleet.`,
        NAME_REMEDY,
      );
    }
    if (verdict.kind === 'vendor') {
      return hold(
        'server-url-vendor',
        `Devices call ${host}, a name of ${verdict.owner ?? 'a service'} and not one of yours; they keep it for as long as they are enrolled.`,
        NAME_REMEDY,
      );
    }
    const checkIn = hostOf(profile?.checkInUrl ?? null);
    if (checkIn !== null && checkIn.host !== server.host) {
      return warn(
        'server-url-split',
        `Devices call ${server.host} for commands and ${checkIn.host} for check-ins; both must lead to Fleet.`,
        'Plan the redirect for both names, and switch them together.',
      );
    }
    if (verdict.kind === 'private') {
      return warn(
        'server-url-private',
        `Devices call ${host}, which means something inside your network only.`,
        'Check that devices reach Fleet by that name wherever they are.',
      );
    }
    return pass(`Devices call ${host}. It must stay yours, and lead to Fleet, for as long as one of them is enrolled.`);
  },
};
