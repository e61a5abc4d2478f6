import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

const named = "chacha20-poly1305";
const options = { authTagLength: 16 };

/** Stands in for a vendor's module: the port of src/crypto/cipher.ts over another algorithm. */
export const cipher = {
  id: 7,
  seal(key, plain, context) {
    const nonce = randomBytes(12);
    const cipher = createCipheriv(named, key, nonce, options).setAAD(context);
    const body = Buffer.concat([cipher.update(plain), cipher.final()]);
    return Buffer.concat([nonce, body, cipher.getAuthTag()]);
  },
  open(key, sealed, context) {
    const decipher = createDecipheriv(named, key, sealed.subarray(0, 12), options)
      .setAAD(context)
      .setAuthTag(sealed.subarray(-16));
    return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
  },
};
