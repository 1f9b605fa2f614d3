/**
 * Where requests may go (RELIABILITY.md S09). A job names one origin (and one for its token): answers cannot lead the download
 * anywhere else, and the metadata services of cloud machines, which hand credentials to whoever asks, are out of reach by name,
 * by address and by DNS: the address is checked when the name has been resolved, just before the connection is made.
 */
import { lookup as systemLookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { SluiceError } from '../../core/errors.ts';

const refused = new BlockList();
refused.addSubnet('169.254.0.0', 16, 'ipv4'); // link-local: AWS, Azure, Google Cloud, OpenStack metadata
refused.addAddress('100.100.100.200', 'ipv4'); // Alibaba Cloud
refused.addSubnet('fe80::', 10, 'ipv6');
refused.addAddress('fd00:ec2::254', 'ipv6'); // AWS over IPv6
refused.addSubnet('64:ff9b::a9fe:0', 112, 'ipv6'); // 169.254/16 behind NAT64

export function isRefusedAddress(address: string): boolean {
  const version = isIP(address);
  return version !== 0 && refused.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

/** Resolves names as the machine does, but to no refused address. */
export function guardedLookup(lookup: LookupFunction = systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, address, family) => {
      const addresses = typeof address === 'string' ? [address] : (address ?? []).map((entry) => entry.address);
      if (error === null && addresses.some(isRefusedAddress)) callback(refusal(hostname), address, family);
      else callback(error, address, family);
    });
  };
}

/** Throws when a URL is none that credentials may be sent to. `what` names the setting or the answer it came from. */
export function checkUrl(url: URL, what: string): void {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new SluiceError('config_invalid', `${what} begins with "${url.protocol}"; only http: and https: are read.`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new SluiceError('config_invalid', `${what} holds a user name or password (host ${url.host}).`, {
      hint: "Take them out of the URL and write auth: { type: 'basic', … } in the job.",
    });
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isRefusedAddress(host)) throw refusal(host);
}

function refusal(host: string): SluiceError {
  return new SluiceError(
    'config_invalid',
    `${host} is a link-local or metadata address: it hands out the machine's own credentials and is never read.`,
    { hint: 'Name the API by its public or private network address.' },
  );
}
