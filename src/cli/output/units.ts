// Sizes and ages in words, as the docker CLI writes them.

const decimalUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB']
const binaryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB', 'ZiB', 'YiB']

/** Bytes with `digits` significant digits and a decimal unit: `1.24MB`. */
export const humanSize = (bytes: number, digits = 3): string => scaled(bytes, 1000, decimalUnits, digits)

/** Bytes with 4 significant digits and a binary unit: `22.91GiB`. */
export const binarySize = (bytes: number): string => scaled(bytes, 1024, binaryUnits, 4)

function scaled(bytes: number, base: number, units: readonly string[], digits: number): string {
  let value = bytes
  let unit = 0
  while (value >= base && unit < units.length - 1) {
    value /= base
    unit++
  }
  return `${significant(value, digits)}${units[unit]}`
}

// Go's %.Ng for numbers below 10000: no trailing zeros, and an exponent if the digits don't reach the units place.
function significant(value: number, digits: number): string {
  const text = value.toPrecision(digits)
  if (text.includes('e')) return text.replace(/\.?0*e\+(\d)$/, 'e+0$1')
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}

/** A span of time in its largest fitting unit: `About a minute`, `3 weeks`. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000)
  const minutes = Math.floor(seconds / 60)
  const hours = Math.round(milliseconds / 3_600_000)
  const days = Math.floor(hours / 24)
  if (seconds < 1) return 'Less than a second'
  if (seconds === 1) return '1 second'
  if (seconds < 60) return `${seconds} seconds`
  if (minutes === 1) return 'About a minute'
  if (minutes < 60) return `${minutes} minutes`
  if (hours === 1) return 'About an hour'
  if (hours < 48) return `${hours} hours`
  if (days < 14) return `${days} days`
  if (days < 60) return `${Math.floor(days / 7)} weeks`
  if (days < 730) return `${Math.floor(days / 30)} months`
  return `${Math.floor(days / 365)} years`
}

/** How long before `now` (both milliseconds since the epoch): `2 minutes ago`; `N/A` for an unset time. */
export function humanAge(then: number, now: number): string {
  return then <= 0 ? 'N/A' : `${humanDuration(now - then)} ago`
}

/** At most `length` characters, the last of them an ellipsis if something was cut. */
export function ellipsis(text: string, length: number): string {
  const characters = [...text]
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`
}
