export const SIZES: readonly number[];
export function icns(png: (size: number) => Buffer): Buffer;
export function ico(png: (size: number) => Buffer): Buffer;
