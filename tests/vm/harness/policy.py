# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A signed PCR policy made without systemd or Preon, from the TPM 2.0 Library's definition of TPM2_PolicyPCR: a third opinion."""

import base64
import hashlib
import json
import struct
import subprocess

_ALG_SHA256 = 0x000B
_CC_POLICY_PCR = 0x0000017F


def new_key(folder):
    """Makes an RSA key pair in FOLDER; returns the paths of the private and the public half."""
    private, public = folder / "own.key", folder / "own.pem"
    subprocess.run(["openssl", "genrsa", "-out", private, "2048"], check=True, capture_output=True)
    subprocess.run(["openssl", "rsa", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    return private, public


def policy_digest(pcr, value):
    """TPM2_PolicyPCR over one SHA-256 PCR (Part 3, 23.7): H(0… ‖ command code ‖ selection ‖ H(values))."""
    selection = struct.pack(">IHB", 1, _ALG_SHA256, 3) + (1 << pcr).to_bytes(3, "little")
    return hashlib.sha256(bytes(32) + struct.pack(">I", _CC_POLICY_PCR) + selection + hashlib.sha256(value).digest()).digest()


def signature_file(private, public, pcr, value):
    """tpm2-pcr-signature.json for that PCR value."""
    digest = policy_digest(pcr, value)
    signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", private], input=digest, check=True, capture_output=True).stdout
    # systemd's fingerprint of an RSA key is over its PKCS#1 form.
    der = subprocess.run(["openssl", "rsa", "-pubin", "-in", public, "-RSAPublicKey_out", "-outform", "DER"], check=True, capture_output=True).stdout
    entry = {"pcrs": [pcr], "pkfp": hashlib.sha256(der).hexdigest(), "pol": digest.hex(), "sig": base64.b64encode(signed).decode()}
    return json.dumps({"sha256": [entry]}).encode()
