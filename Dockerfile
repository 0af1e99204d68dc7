FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN make static VERSION="$VERSION" && install -d -m 700 /data

# Nothing but the program, the certificates to trust when it calls Stripe, and its data.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/trak /trak
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
# There is no /tmp: SQLite sorts what is too large for memory beside the database.
ENV TRAK_ADDR=:3000 TRAK_DATA_DIR=/data SQLITE_TMPDIR=/data
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=6s --start-period=10s CMD ["/trak", "healthcheck"]
ENTRYPOINT ["/trak"]
CMD ["serve"]
