/** The platform of an Apple device, from what little the record says (spec 8 #43). */
import type { Platform } from './snapshot';

const byProduct: readonly (readonly [RegExp, Platform])[] = [
  [/^(?:iPhone|iPod)/, 'ios'],
  [/^iPad/, 'ipados'],
  [/^AppleTV/, 'tvos'],
  [/^Watch/, 'watchos'],
  [/^RealityDevice/, 'visionos'],
  // ADP is the Developer Transition Kit.
  [/^(?:Mac|iMac|VirtualMac|Xserve|ADP)/, 'darwin'],
];

const byModel: readonly (readonly [RegExp, Platform])[] = [
  [/\b(?:iPhone|iPod)/i, 'ios'],
  [/\biPad/i, 'ipados'],
  [/\bApple ?TV/i, 'tvos'],
  [/\bWatch/i, 'watchos'],
  [/\bVision/i, 'visionos'],
  [/\b(?:i?Mac|MacBook)/i, 'darwin'],
];

const macUdid = /^[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}$/i;
const mobileUdid = /^(?:[0-9a-f]{40}|[0-9A-F]{8}-[0-9A-F]{16})$/i;

/** Product names are few, so each is matched once. */
const seenProducts = new Map<string, Platform | null>();

function productPlatform(productName: string): Platform | null {
  if (productName === '') return null;
  let platform = seenProducts.get(productName);
  if (platform === undefined) {
    platform = byProduct.find(([pattern]) => pattern.test(productName))?.[1] ?? null;
    if (seenProducts.size < 1024) seenProducts.set(productName, platform);
  }
  return platform;
}

/**
 * The platform, and whether it was inferred rather than read from the product name. A mobile UDID alone says
 * `ios`, which is right more often than not.
 */
export function platformOf(
  productName: string,
  models: readonly string[],
  udid: string,
): { readonly platform: Platform | null; readonly inferred: boolean } {
  const known = productPlatform(productName);
  if (known) return { platform: known, inferred: false };
  for (const model of models)
    for (const [pattern, platform] of byModel) if (pattern.test(model)) return { platform, inferred: true };
  if (macUdid.test(udid)) return { platform: 'darwin', inferred: true };
  if (mobileUdid.test(udid)) return { platform: 'ios', inferred: true };
  return { platform: null, inferred: false };
}
