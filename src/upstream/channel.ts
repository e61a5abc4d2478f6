/** How a system is reached where an address is not enough; PEM texts. */
export interface Channel {
  /** who we are to the system: a certificate and its key */
  certificate?: string;
  key?: string;
  /** whom the system's own certificate must come from; absent: the machine's trusted authorities */
  authorities?: string;
  minVersion?: TlsVersion;
  /** bearer token of our login to the system, asked for at each request */
  token?: () => Promise<string>;
}

export type TlsVersion = "TLSv1.2" | "TLSv1.3";
