package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// newRedis is a Redis with a password, on a plain port and on one with TLS. It writes each change to its disk before it
// acknowledges it.
func newRedis(folder string) (*service, []string, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, nil, errors.New("there is no redis-server: apt-get install redis-server")
	}
	port, err1 := freePort()
	portTLS, err2 := freePort()
	data := filepath.Join(folder, "redis")
	if err := errors.Join(err1, err2, os.Mkdir(data, 0o700), certify(data)); err != nil {
		return nil, nil, err
	}
	password := rand.Text()
	config := fmt.Sprintf(`
		bind 127.0.0.1
		port %d
		tls-port %d
		tls-cert-file %[3]s/cert.pem
		tls-key-file %[3]s/key.pem
		tls-auth-clients no
		dir %[3]s
		requirepass %s
		save ""
		appendonly yes
		appendfsync always
		loglevel warning`, port, portTLS, data, password)
	address := fmt.Sprintf("127.0.0.1:%d", port)
	client := redis.NewClient(&redis.Options{Addr: address, Password: password, MaxRetries: -1})
	s := &service{
		name: "redis-server",
		command: func() *exec.Cmd {
			cmd := exec.Command(program, "-") // the configuration, and with it the password, by stdin
			cmd.Stdin = strings.NewReader(config)
			cmd.SysProcAttr = &syscall.SysProcAttr{}
			return cmd
		},
		ready: func() error { return client.Ping(context.Background()).Err() },
		crash: syscall.SIGKILL,
	}
	return s, []string{
		fmt.Sprintf("REDIS_URL=redis://default:%s@%s", password, address),
		fmt.Sprintf("REDISS_URL=rediss://default:%s@127.0.0.1:%d", password, portTLS),
	}, nil
}

// certify writes a key and its self-signed certificate for 127.0.0.1.
func certify(folder string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	write := func(name, kind string, bytes []byte) error {
		return os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}), 0o600)
	}
	return errors.Join(write("cert.pem", "CERTIFICATE", cert), write("key.pem", "PRIVATE KEY", private))
}
