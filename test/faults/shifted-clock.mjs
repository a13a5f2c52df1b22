/** Loaded into a process under test (`NODE_OPTIONS=--import`): its clock is SLIPWAY_CLOCK_SHIFT milliseconds off. */
const shift = Number(process.env.SLIPWAY_CLOCK_SHIFT ?? 0);
const RealDate = Date;

globalThis.Date = class extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(RealDate.now() + shift);
    else super(...parts);
  }

  static now() {
    return RealDate.now() + shift;
  }
};
