// Times as log collectors want them, in the host's time zone.

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const two = (number: number) => String(number).padStart(2, '0')
const dateOf = (nanos: bigint) => new Date(Number(nanos / 1_000_000n))
const clockOf = (date: Date) => `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`

/** `Jan  2 15:04:05`, as in RFC 3164. */
export function formatStamp(nanos: bigint): string {
  const date = dateOf(nanos)
  return `${months[date.getMonth()]} ${String(date.getDate()).padStart(2)} ${clockOf(date)}`
}

/** RFC 3339 with `digits` decimals of the second. */
export function formatRfc3339(nanos: bigint, digits: number): string {
  const date = dateOf(nanos)
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  const decimals = (nanos % 1_000_000_000n).toString().padStart(9, '0').slice(0, digits)
  return `${day}T${clockOf(date)}${digits > 0 ? `.${decimals}` : ''}${zoneOf(date)}`
}

function zoneOf(date: Date): string {
  const minutes = -date.getTimezoneOffset()
  if (minutes === 0) return 'Z'
  const size = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${two(Math.trunc(size / 60))}:${two(size % 60)}`
}
